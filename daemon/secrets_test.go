package daemon

import (
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/demo"
)

// A secretFile is an option that names a file of secrets.
type secretFile struct {
	set  func(cfg *Config, path string)
	good string
	weak string // what the file may not hold; empty: it is not ours to judge
}

const goodToken = "0123456789-abcdefghij-klmnopqrstuvwxyz"

func whsec(raw string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(raw)) }

var secretOptions = map[string]secretFile{
	"receiver token": {func(cfg *Config, path string) { cfg.Receiver.TokenFile = path }, goodToken, strings.Repeat("a", 40)},
	"receiver key":   {func(cfg *Config, path string) { cfg.Receiver.TLS.Key = path }, "", ""},
	"OFREP token":    {func(cfg *Config, path string) { cfg.OFREP.Listen, cfg.OFREP.TokenFile = "127.0.0.1:0", path }, goodToken, strings.Repeat("a", 40)},
	"keyring":        {func(cfg *Config, path string) { cfg.Keys = path }, "k1:" + base64.StdEncoding.EncodeToString([]byte(goodToken)), "k1:" + base64.StdEncoding.EncodeToString(make([]byte, 40))},
	"webhook secret": {func(cfg *Config, path string) {
		cfg.Messages.Webhook, cfg.Messages.WebhookSecrets = "http://127.0.0.1/hook", path
	}, whsec(goodToken), whsec(strings.Repeat("a", 40))},
	"webhook address": {func(cfg *Config, path string) {
		cfg.Messages.WebhookFile, cfg.Messages.WebhookSecrets = path, filepath.Join(filepath.Dir(path), "whsec")
	}, "http://127.0.0.1/hooks/7b1ac6b9-2f38-4e0d-9d43-0c5b0f1a7e52", ""},
	"Consul token": {func(cfg *Config, path string) {
		cfg.Store, cfg.Consul.TokenFile = "consul://127.0.0.1:1", path
	}, "7b1ac6b9-2f38-4e0d-9d43-0c5b0f1a7e52", "00000000-0000-0000-0000-000000000000"},
	"a sink's address": {func(cfg *Config, path string) {
		cfg.Messages.Sinks = filepath.Join(filepath.Dir(path), "sinks.yml")
	}, "https://127.0.0.1/services/7b1ac6b9-2f38-4e0d-9d43-0c5b0f1a7e52", ""},
	"HTTP client's file": {func(cfg *Config, path string) { cfg.Prometheus.HTTPConfig = path }, "authorization: {credentials: " + goodToken + "}", ""},
	"HTTP client's token": {func(cfg *Config, path string) {
		cfg.Prometheus.HTTPConfig = filepath.Join(filepath.Dir(path), "http.yml")
	}, goodToken, ""},
}

// writer writes files into a folder, and returns their paths.
func writer(t *testing.T, dir string) func(name, text string) string {
	return func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

// begin makes a daemon whose files are all good, but for what change does to its configuration.
func begin(t *testing.T, change func(dir string, cfg *Config)) error {
	t.Helper()
	dir := t.TempDir()
	write := writer(t, dir)
	write("whsec", whsec(goodToken))
	write("sinks.yml", "sinks: {chat: {slack: {url_file: secret}}}\n")
	write("http.yml", "authorization: {credentials_file: secret}\n")
	cfg := Config{Runbooks: []string{write("ranker.yaml", string(demo.Runbook))}, Store: "file:" + filepath.Join(dir, "db"),
		Keys: filepath.Join(dir, "keys"), Evidence: filepath.Join(dir, "incidents")}
	cfg.Prometheus.URL, cfg.Receiver.TokenFile, cfg.Web.LinkOnly = "http://127.0.0.1:1", filepath.Join(dir, "token"), true
	change(dir, &cfg)
	d, err := New(cfg, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9095}, zap.NewNop())
	if err == nil {
		err = d.closeAll()
	}
	return err
}

// Every option that names a file of secrets refuses one that others may read or change, and one
// that holds no secret, and says which file and what to do.
func TestEveryFileOfSecretsIsLookedAt(t *testing.T) {
	for name, o := range secretOptions {
		for what, c := range map[string]struct {
			text string
			mode os.FileMode
			want []string
		}{
			"good":                      {o.good, 0o600, nil},
			"the group may read":        {o.good, 0o640, nil},
			"everybody may read":        {o.good, 0o644, []string{"secret: its mode is 0644", "run: chmod 600 "}},
			"everybody may change":      {o.good, 0o602, []string{"secret: its mode is 0602", "run: chmod 600 "}},
			"the group may change":      {o.good, 0o660, []string{"secret: its mode is 0660", "run: chmod 600 "}},
			"it has too little variety": {o.weak, 0o600, []string{"repeats itself"}},
			"it is empty":               {"", 0o600, []string{""}},
		} {
			switch {
			case what == "it has too little variety" && o.weak == "", what == "it is empty" && o.weak == "":
				continue
			case name == "receiver key" && c.want == nil: // it is taken, and the certificate is missing
				c.want = []string{"read receiver certificate"}
			case name == "keyring" && what == "the group may read":
				c.want = []string{"its mode is 0640"}
			}
			t.Run(name+", "+what, func(t *testing.T) {
				err := begin(t, func(dir string, cfg *Config) {
					path := filepath.Join(dir, "secret")
					if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(path, c.mode); err != nil {
						t.Fatal(err)
					}
					o.set(cfg, path)
				})
				if c.want == nil && err != nil || c.want != nil && err == nil {
					t.Fatalf("got %v, want %q", err, c.want)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) || o.good != "" && strings.Contains(err.Error(), o.good) {
						t.Errorf("got %v, want %q", err, want)
					}
				}
			})
		}
	}
}

// Nothing secret stands in an argument, and the error says where it belongs and does not repeat it.
func TestSecretsInArgumentsAreRefused(t *testing.T) {
	const canary = "CANARY-4711"
	for name, c := range map[string]struct {
		set  func(cfg *Config)
		want string
	}{
		"Prometheus":        {func(cfg *Config) { cfg.Prometheus.URL = "http://u:" + canary + "@127.0.0.1:1" }, "--prometheus.url"},
		"Prometheus' query": {func(cfg *Config) { cfg.Prometheus.URL = "http://127.0.0.1:1/?token=" + canary }, "(token)"},
		"Alertmanager":      {func(cfg *Config) { cfg.Messages.Alertmanagers = []string{"http://u:" + canary + "@127.0.0.1:1"} }, "--alertmanager.http-config-file"},
		"Consul":            {func(cfg *Config) { cfg.Store = "consul://u:" + canary + "@127.0.0.1:1" }, "--store.consul-token-file"},
		"another store":     {func(cfg *Config) { cfg.Store = "etcd://u:" + canary + "@127.0.0.1:1" }, "--store"},
		"ourselves":         {func(cfg *Config) { cfg.Web.External = "http://u:" + canary + "@127.0.0.1:1" }, "--web.external-url"},
		"webhook":           {func(cfg *Config) { cfg.Messages.Webhook = "http://u:" + canary + "@127.0.0.1:1" }, "--message.webhook-url-file"},
		"webhook's path":    {func(cfg *Config) { cfg.Messages.Webhook = "http://127.0.0.1:1/T00000000/abcdefghijklmno4711" }, "--message.webhook-url-file"},
		"webhook without":   {func(cfg *Config) { cfg.Messages.Webhook = "http://127.0.0.1:1/hook" }, "--message.webhook-secret-file"},
		"both":              {func(cfg *Config) { cfg.Messages.Webhook, cfg.Messages.WebhookFile = "http://127.0.0.1:1/hook", "x" }, "do not go together"},
	} {
		t.Run(name, func(t *testing.T) {
			err := begin(t, func(_ string, cfg *Config) { c.set(cfg) })
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "abcdefghijklmno4711") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	for _, name := range []string{"CONSUL_HTTP_TOKEN", "CONSUL_HTTP_AUTH"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, canary)
			err := begin(t, func(_ string, cfg *Config) { cfg.Store = "consul://127.0.0.1:1" })
			if err == nil || !strings.Contains(err.Error(), "--store.consul-token-file or CONSUL_HTTP_TOKEN_FILE") || strings.Contains(err.Error(), canary) {
				t.Error(err)
			}
		})
	}
}
