package servers

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// consul-template renders a key, and ends when it is asked to.
func TestConsulTemplate(t *testing.T) {
	t.Parallel()
	consul := Consul(t)
	put(t, consul.URL+"/v1/kv/split", "95/5")
	dir := t.TempDir()
	config, rendered := filepath.Join(dir, "config.hcl"), filepath.Join(dir, "split")
	write(t, config, `consul { address = "`+consul.Addr+`" }
template { contents = "{{ key \"split\" }}"
destination = "`+rendered+`" }`)
	p := ConsulTemplate(t, config, rendered)
	text, err := os.ReadFile(rendered)
	if err != nil || string(text) != "95/5" {
		t.Errorf("it rendered %q, %v", text, err)
	}
	p.Stop()
}

// HAProxy and nginx serve while the test lasts, and leave no child behind.
func TestProxiesEndWithTheTest(t *testing.T) {
	t.Parallel()
	haproxy, nginx := freeAddr(t), freeAddr(t)
	t.Run("while it lasts", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "haproxy.cfg"), "defaults\nmode http\ntimeout connect 1s\ntimeout client 1s\ntimeout server 1s\n"+
			"frontend f\nbind "+haproxy+"\nhttp-request return status 200\n")
		HAProxy(t, filepath.Join(dir, "haproxy.cfg"), "http://"+haproxy)
		write(t, filepath.Join(dir, "nginx.conf"), "pid "+dir+"/pid; events {}\nhttp { access_log off; client_body_temp_path "+dir+"/body;\nserver { listen "+nginx+"; return 200; } }\n")
		Nginx(t, filepath.Join(dir, "nginx.conf"), "http://"+nginx)
	})
	for _, addr := range []string{haproxy, nginx} {
		if _, err := request(t.Context(), http.MethodGet, "http://"+addr); err == nil {
			t.Errorf("%s still answers", addr)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
