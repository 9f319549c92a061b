package rules

// Route writes a complete minimal Alertmanager configuration that calls url with the
// bearer token in tokenFile.
func Route(url, tokenFile string) ([]byte, error) { return nil, errUnwritten }
