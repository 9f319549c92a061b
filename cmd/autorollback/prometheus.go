package main

import (
	"fmt"
	"net/http"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	promconfig "github.com/prometheus/common/config"
)

// httpConfigFlag declares how a Prometheus is reached that asks who we are.
func httpConfigFlag(cmd *kingpin.CmdClause, to *string) {
	cmd.Flag("prometheus.http-config-file", "HTTP client configuration (authentication, TLS) in Prometheus' form.").StringVar(to)
}

// transport is an HTTP transport by a configuration file in Prometheus' form; without
// a file it is the usual one.
func transport(file, name string) (http.RoundTripper, error) {
	hc := &promconfig.DefaultHTTPClientConfig
	if file != "" {
		loaded, _, err := promconfig.LoadHTTPConfigFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		hc = loaded
	}
	t, err := promconfig.NewRoundTripperFromConfig(*hc, name)
	if err != nil {
		return nil, fmt.Errorf("set up HTTP client: %w", err)
	}
	return t, nil
}

// prometheusAt is the API of the Prometheus at url, the value of flag.
func prometheusAt(flag, url, httpConfig string) (v1.API, error) {
	rt, err := transport(httpConfig, "autorollback")
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(api.Config{Address: url, RoundTripper: rt})
	if err != nil {
		return nil, usage{fmt.Errorf("%s: %w", flag, err)}
	}
	return v1.NewAPI(client), nil
}
