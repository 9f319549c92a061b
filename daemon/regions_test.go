package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/demo"
)

func TestRegionFile(t *testing.T) {
	const us = "  us: {store: 'file:us.db', prometheus: {url: 'http://us:9090'}}\n"
	for _, c := range []struct{ name, text, says string }{
		{"two regions", "regions:\n  eu: {store: 'file:eu.db', prometheus: {url: 'http://eu:9090', http_config_file: http.yml}}\n" + us, ""},
		{"nothing", "", "read region file"},
		{"no region", "regions: {}\n", "names no region"},
		{"a misspelt field", "regions:\n  eu: {stroe: x}\n", "stroe"},
		{"no store", "regions:\n  eu: {prometheus: {url: 'http://eu:9090'}}\n", "name its store"},
		{"no Prometheus", "regions:\n  eu: {store: 'file:eu.db'}\n", "name its Prometheus"},
		{"its line and field", "regions:\n" + us + "  eu:\n    store: file:eu.db\n", "regions.yml:3: regions.eu.prometheus.url: is missing; name its Prometheus"},
		{"what nobody sees", "regions: {\"e\\u202eu\": {store: x}}\n", "the invisible character"},
		{"a bad name", "regions:\n  EU West: {store: 'file:eu.db', prometheus: {url: 'http://eu:9090'}}\n", "lower-case"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "regions.yml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			all, err := readRegions(file)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v, want %q", err, c.says)
				}
				return
			}
			if err != nil || len(all) != 2 || all["eu"].Prometheus.HTTPConfig != filepath.Join(filepath.Dir(file), "http.yml") {
				t.Errorf("%+v, %v", all, err)
			}
		})
	}
}

// Two regions of a service on one key are refused before anything runs, and so is a region that
// the file does not have.
func TestRegionsThatShareAKeyAreRefused(t *testing.T) {
	dir := t.TempDir()
	write := writer(t, dir)
	shared := "  REGION: {store: 'file:" + filepath.Join(dir, "one.db") + "', prometheus: {url: 'http://REGION:9090'}}\n"
	region := func(name string) string { return strings.ReplaceAll(shared, "REGION", name) }
	two := strings.Replace(string(demo.Runbook), "service: ranker\n", "service: ranker\nregions: [eu, us]\n", 1)
	own := strings.NewReplacer("routes/ranker", "routes/{region}/ranker", "features/ranker", "features/{region}/ranker").Replace(two)
	for _, c := range []struct{ name, runbook, file, says string }{
		{"one key in one store", two, "regions:\n" + region("eu") + region("us"), "regions eu and us share the key routes/ranker/weights"},
		{"keys of their own", own, "regions:\n" + region("eu") + region("us"), ""},
		{"stores of their own", two, "regions:\n" + region("eu") + strings.Replace(region("us"), "one.db", "two.db", 1), ""},
		{"no such region", own, "regions:\n" + region("eu"), `the region file has no "us"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cfg Config
			cfg.Runbooks, cfg.RegionsFile = []string{write("ranker.yaml", c.runbook)}, write("regions.yml", c.file)
			cfg.Receiver.TokenFile, cfg.Keys, cfg.Evidence = filepath.Join(dir, "token"), filepath.Join(dir, "keys"), filepath.Join(dir, "incidents")
			cfg.Web.LinkOnly = true
			d, err := New(cfg, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9095}, zap.NewNop())
			if err == nil {
				defer func() {
					if err := d.closeAll(); err != nil {
						t.Error(err)
					}
				}()
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want %q", err, c.says)
			}
		})
	}
}
