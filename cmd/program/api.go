package program

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	promconfig "github.com/prometheus/common/config"

	"github.com/autorollback/autorollback/web"
)

// remote is how a command reaches the daemon.
type remote struct {
	url, httpConfig, user, passwordFile string
}

// remoteFlags declares the flags that every command with a daemon has.
func remoteFlags(cmd *kingpin.CmdClause) *remote {
	var r remote
	cmd.Flag("url", "The daemon's address.").Default("http://localhost:9095").Envar("AUTOROLLBACK_URL").StringVar(&r.url)
	cmd.Flag("user", "Your name, for basic authentication.").Envar("AUTOROLLBACK_USER").StringVar(&r.user)
	cmd.Flag("password-file", "File with your password.").Envar("AUTOROLLBACK_PASSWORD_FILE").StringVar(&r.passwordFile)
	cmd.Flag("http-config-file", "HTTP client configuration (authentication, TLS) in Prometheus' form.").Envar("AUTOROLLBACK_HTTP_CONFIG").StringVar(&r.httpConfig)
	return &r
}

// client makes the API client.
func (r *remote) client() (web.Client, error) {
	hc := promconfig.DefaultHTTPClientConfig
	if r.httpConfig != "" { // loaded here, and not by [daemon.OpenPrometheus]: the user's name goes into it
		loaded, _, err := promconfig.LoadHTTPConfigFile(r.httpConfig)
		if err != nil {
			return web.Client{}, fmt.Errorf("read %s: %w", r.httpConfig, err)
		}
		hc = *loaded
	}
	if r.user != "" {
		hc.BasicAuth = &promconfig.BasicAuth{Username: r.user, PasswordFile: r.passwordFile}
	}
	rt, err := promconfig.NewRoundTripperFromConfig(hc, "autorollback")
	if err != nil {
		return web.Client{}, fmt.Errorf("set up HTTP client: %w", err)
	}
	return web.Client{URL: strings.TrimRight(r.url, "/"), HTTP: &http.Client{Transport: rt, Timeout: 90 * time.Second}}, nil
}

// moment prints a time for people; a zero one as a dash.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// readFile reads a file, or standard input for "-".
func readFile(in io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(path)
}
