package cli

import "github.com/alecthomas/kingpin/v2"

// HTTPConfigFlag declares how a Prometheus is reached that asks who we are.
func HTTPConfigFlag(cmd *kingpin.CmdClause, to *string) {
	cmd.Flag("prometheus.http-config-file", "HTTP client configuration (authentication, TLS) in Prometheus' form.").StringVar(to)
}
