package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/secret"
)

// A Remote is how a command reaches the daemon.
type Remote struct {
	User string // who asks; empty: not said

	url, httpConfig, passwordFile string
}

// remoteNames are the flags of [RemoteFlags].
var remoteNames = []string{"url", "user", "password-file", "http-config-file"}

// RemoteFlags declares the flags that every command with a daemon has.
func RemoteFlags(cmd *kingpin.CmdClause) *Remote {
	var r Remote
	cmd.Flag("url", "The daemon's address.").Default("http://localhost:9095").Envar("AUTOROLLBACK_URL").StringVar(&r.url)
	cmd.Flag("user", "Your name, for basic authentication.").Envar("AUTOROLLBACK_USER").StringVar(&r.User)
	cmd.Flag("password-file", "File with your password.").Envar("AUTOROLLBACK_PASSWORD_FILE").StringVar(&r.passwordFile)
	cmd.Flag("http-config-file", "HTTP client configuration (authentication, TLS) in Prometheus' form.").Envar("AUTOROLLBACK_HTTP_CONFIG").StringVar(&r.httpConfig)
	return &r
}

// Client makes the API client.
func (r *Remote) Client() (api.Client, error) {
	if _, err := secret.URL(r.url, "name --user and --password-file"); err != nil {
		return api.Client{}, Usage(fmt.Errorf("--url: %w", err))
	}
	o := outbound.Options{Redirects: true, Within: 90 * time.Second, Most: api.MaxAnswer}
	client, err := outbound.Open("autorollback", r.httpConfig, outbound.Login{User: r.User, PasswordFile: r.passwordFile}, o)
	if err != nil {
		return api.Client{}, err
	}
	return api.Client{URL: strings.TrimRight(r.url, "/"), HTTP: client}, nil
}

// Moment prints a time for people; a zero one as a dash.
func Moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// ReadFile reads a file, or standard input for "-".
func ReadFile(in io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(path)
}
