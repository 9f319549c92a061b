package main

import (
	"fmt"
	"net/http"

	"github.com/alecthomas/kingpin/v2"
	promconfig "github.com/prometheus/common/config"

	"github.com/autorollback/autorollback/promapi"
)

// httpConfigFlag declares how a Prometheus is reached that asks who we are.
func httpConfigFlag(cmd *kingpin.CmdClause, to *string) {
	cmd.Flag("prometheus.http-config-file", "HTTP client configuration (authentication, TLS) in Prometheus' form.").StringVar(to)
}

// prometheusAt is the Prometheus at url, the value of flag. httpConfig is a file in
// Prometheus' form, or empty.
func prometheusAt(flag, url, httpConfig string) (*promapi.Client, error) {
	var transport http.RoundTripper // nil is the plain one
	if httpConfig != "" {
		hc, _, err := promconfig.LoadHTTPConfigFile(httpConfig)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", httpConfig, err)
		}
		if transport, err = promconfig.NewRoundTripperFromConfig(*hc, "prometheus"); err != nil {
			return nil, fmt.Errorf("set up HTTP client: %w", err)
		}
	}
	client, err := promapi.New(url, transport)
	if err != nil {
		return nil, usage{fmt.Errorf("%s: %w", flag, err)}
	}
	return client, nil
}
