package daemon

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/autorollback/autorollback/demo"
)

// laidOut is a daemon's configuration with a store of its own.
func laidOut(t *testing.T, files map[string]string) (cfg Config, path func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	path = func(name string) string { return filepath.Join(dir, name) }
	files["ranker.yaml"] = string(demo.Runbook)
	for name, text := range files {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Runbooks, cfg.Store, cfg.Prometheus.URL = []string{path("ranker.yaml")}, "file:"+path("store.db"), "http://127.0.0.1:9"
	cfg.Receiver.TokenFile, cfg.Keys, cfg.Evidence = path("token"), path("keys"), path("incidents")
	return cfg, path
}

const (
	alice = "basic_auth_users: {alice: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n"
	roles = "roles: {view: [alice]}\n"
)

// The log says loudly who may do what where no file says it, and contradictions are refused.
func TestWhoMayDoWhatIsSaidAtTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		web, roles string
		noAuth     bool
		ip         net.IP
		warns      string // a part of the one warning; empty: none
		refuses    string
	}{
		"people and roles":                     {web: alice, roles: roles},
		"people without roles":                 {web: alice, warns: "without --web.roles.file people who sign in may only look"},
		"nobody":                               {warns: "nobody can sign in: only /metrics, /-/healthy and /-/ready answer"},
		"nobody, with roles":                   {roles: roles, warns: "nobody can sign in"},
		"no-auth at loopback":                  {noAuth: true},
		"no-auth at loopback, IPv6":            {noAuth: true, ip: net.IPv6loopback},
		"no-auth at all addresses":             {noAuth: true, ip: net.IPv6unspecified, warns: "EVERYBODY WHO REACHES THIS ADDRESS MAY DO EVERYTHING"},
		"no-auth at all IPv4 addresses":        {noAuth: true, ip: net.IPv4zero, warns: "EVERYBODY WHO REACHES THIS ADDRESS MAY DO EVERYTHING"},
		"no-auth at another address":           {noAuth: true, ip: net.IPv4(192, 0, 2, 1), warns: "EVERYBODY WHO REACHES THIS ADDRESS MAY DO EVERYTHING"},
		"no-auth at all, but people sign in":   {noAuth: true, ip: net.IPv4zero, web: alice, warns: "without --web.roles.file"},
		"no-auth and roles":                    {noAuth: true, roles: roles, refuses: "--web.insecure-no-auth lets everybody do everything, and --web.roles.file says who may do what"},
		"a mistake in the roles":               {web: alice, roles: "roles:\n  admin: ['*']\n", refuses: "roles.yml:2: roles.admin[0]: gives it to everybody who signs in"},
		"a mistake in the web configuration":   {web: "basic_auth_userz: {}\n", roles: roles, refuses: "basic_auth_userz"},
		"a password that is not a bcrypt hash": {web: "basic_auth_users: {alice: secret}\n", roles: roles, refuses: "hash"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, path := laidOut(t, map[string]string{"web.yml": c.web, "roles.yml": c.roles})
			if c.web != "" {
				cfg.Web.ConfigFile = path("web.yml")
			}
			if c.roles != "" {
				cfg.Web.RolesFile = path("roles.yml")
			}
			cfg.Web.LinkOnly = c.noAuth
			if c.ip == nil {
				c.ip = net.IPv4(127, 0, 0, 1)
			}
			core, seen := observer.New(zapcore.WarnLevel)
			d, err := New(cfg, &net.TCPAddr{IP: c.ip, Port: 9095}, zap.New(core))
			if err == nil {
				err = d.closeAll()
			}
			if (err == nil) != (c.refuses == "") || err != nil && !strings.Contains(err.Error(), c.refuses) {
				t.Fatalf("error is %v, want %q", err, c.refuses)
			}
			var warned []string
			for _, e := range seen.All() {
				warned = append(warned, e.Message)
			}
			if text := strings.Join(warned, "\n"); c.refuses == "" && (len(warned) > 1 || (c.warns == "") != (text == "") || !strings.Contains(text, c.warns)) {
				t.Errorf("warned %q, want %q", warned, c.warns)
			}
		})
	}
}

// The listener of the metrics is opened, answers, and is closed with the daemon.
func TestTheMetricsListener(t *testing.T) {
	cfg, path := laidOut(t, map[string]string{"web.yml": alice, "roles.yml": roles})
	cfg.Web.ConfigFile, cfg.Web.RolesFile, cfg.Metrics.Listen = path("web.yml"), path("roles.yml"), "127.0.0.1:0"
	d, err := New(cfg, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9095}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.scrape.serve(t.Context()) }()
	url := "http://" + d.scrape.listener.Addr().String()
	for path, want := range map[string]int{"/metrics": 200, "/-/healthy": 200, "/-/ready": 200, "/": 404, "/api/v1/status": 404} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want || path == "/metrics" && !strings.Contains(string(text), "autorollback_") {
			t.Errorf("%s answers %d, %v: %.200s", path, resp.StatusCode, err, text)
		}
		resp.Body.Close()
	}
	if err := d.closeAll(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("it ended with %v", err)
	}
}

// Readers of flags show tokens: users in their file would be demanded by nobody.
func TestUsersOfTheFlagsListenerAreRefused(t *testing.T) {
	cfg, path := laidOut(t, map[string]string{"ofrep.yml": alice})
	cfg.OFREP.Listen, cfg.OFREP.ConfigFile, cfg.OFREP.TokenFile = "127.0.0.1:0", path("ofrep.yml"), path("ofrep.token")
	if _, err := New(cfg, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9095}, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "basic_auth_users") {
		t.Errorf("got %v", err)
	}
}
