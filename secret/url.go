package secret

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// URL reads an http or https address and refuses one that holds a secret: arguments stand in the list of
// processes, and addresses in logs and pages. Instead says where the secret belongs. The error does
// not have the address in it, which may be the secret.
func URL(text, instead string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("it is no address like http://HOST:PORT")
	}
	if u.User != nil {
		return nil, fmt.Errorf("the address holds a name or a password, which everybody can see in the list of processes: %s", instead)
	}
	if name := Parameter(u.Query()); name != "" {
		return nil, fmt.Errorf("the address holds a secret (%s), which everybody can see in the list of processes: %s", name, instead)
	}
	return u, nil
}

// Parameter names a parameter of an address that is a secret's, or is empty.
func Parameter(q url.Values) string {
	for name := range q {
		switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name)) {
		case "token", "accesstoken", "authtoken", "apikey", "key", "secret", "clientsecret", "password", "passwd", "authorization":
			return name
		}
	}
	return ""
}

var (
	run  = regexp.MustCompile(`[A-Za-z0-9]{16,}`)
	uuid = regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// Path reports whether a path looks as if a part of it were a key, as those of many chat hooks are: sixteen
// letters and digits in a row, both among them, or a UUID.
func Path(path string) bool {
	for _, text := range run.FindAllString(path, -1) {
		if strings.ContainsAny(text, "0123456789") && strings.Trim(text, "0123456789") != "" {
			return true
		}
	}
	return uuid.MatchString(path)
}
