package routers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

// What the templates make of documents: the candidate first, a version at 0 left out, shares
// as fine as a hundredth of a percent, and weights of any sum.
func TestRenderedSplits(t *testing.T) {
	servers.NotShort(t)
	w := newWorld(t)
	web := w.copied("nginx", "ranker-split.conf", map[string]string{"/etc/nginx/": "DIR/", "nginx -t -q && systemctl reload nginx": "true"})
	proxy := w.copied("haproxy-socket", "ranker.map", map[string]string{"/etc/haproxy/": "DIR/", "/usr/local/bin/load-map": "true"})
	for i, tt := range []struct{ weights, nginx, haproxy string }{
		{`"ranker-v1":95,"ranker-v2":5`, "5.00% ranker-v2; * ranker-v1;", "0:499 ranker-v2 500:9999 ranker-v1 10000"},
		{`"ranker-v1":99.9,"ranker-v2":0.1`, "0.10% ranker-v2; * ranker-v1;", "0:9 ranker-v2 10:9999 ranker-v1 10000"},
		{`"ranker-v1":99.99,"ranker-v2":0.01`, "0.01% ranker-v2; * ranker-v1;", "0:0 ranker-v2 1:9999 ranker-v1 10000"},
		{`"ranker-v1":0.07,"ranker-v2":99.93`, "99.93% ranker-v2; * ranker-v1;", "0:9992 ranker-v2 9993:9999 ranker-v1 10000"},
		{`"ranker-v1":100,"ranker-v2":0`, "* ranker-v1;", "0:9999 ranker-v1 10000"},
		{`"ranker-v1":0,"ranker-v2":100`, "* ranker-v2;", "0:9999 ranker-v2 10000"},
		{`"ranker-v1":190,"ranker-v2":10`, "5.00% ranker-v2; * ranker-v1;", "0:499 ranker-v2 500:9999 ranker-v1 10000"},
		{`"ranker-v1":0,"ranker-v2":75,"ranker-v3":25`, "25.00% ranker-v3; * ranker-v2;", "0:2499 ranker-v3 2500:9999 ranker-v2 10000"},
		{`"ranker-v1":33.33,"ranker-v2":33.33,"ranker-v3":33.34`, "33.34% ranker-v3; 33.33% ranker-v2; * ranker-v1;",
			"0:3333 ranker-v3 3334:6666 ranker-v2 6667:9999 ranker-v1 10000"},
	} {
		shown := fmt.Sprintf(`{"revision":%d,"weights":{%s}}`, i+7, tt.weights)
		w.put(servers.Document, shown)
		for _, f := range []struct{ path, want string }{
			{filepath.Join(web.Dir, "ranker-split.conf"), "$ranker { " + tt.nginx + " }"},
			{filepath.Join(proxy.Dir, "ranker.map"), tt.haproxy + " " + shown},
		} {
			var text string
			w.await(f.path+" to be rendered", func() error {
				read, err := os.ReadFile(f.path)
				if text = strings.Join(strings.Fields(string(read)), " "); err == nil && !strings.Contains(text, shown) {
					err = fmt.Errorf("it shows %s", text)
				}
				return err
			})
			if !strings.Contains(text, f.want) {
				t.Errorf("%s of %s: no %q in %s", filepath.Base(f.path), tt.weights, f.want, text)
			}
		}
	}
}
