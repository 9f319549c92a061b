package servers

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Document is the key that the templates of examples/routers render.
const Document = "routes/ranker/weights"

// An Example is a copy of a folder of examples/routers, which says how a router follows
// [Document] by consul-template: as the repository has it, but for addresses and folders.
type Example struct {
	Dir  string
	URL  string // where users send their requests
	View string // where the router says what it serves: the runbook's routing.instances

	tb     testing.TB
	folder string
}

// NewExample chooses the addresses and the folder for a copy of that folder of examples/routers.
func NewExample(tb testing.TB, folder string) *Example {
	tb.Helper()
	return &Example{Dir: tb.TempDir(), URL: "http://" + freeAddr(tb), View: "http://" + freeAddr(tb) + "/autorollback/split", tb: tb, folder: folder}
}

// Copy copies the files. Each text of swaps must stand in them, and what takes its place may
// name the copy's folder (DIR) and the address for users (WEB).
func (e *Example) Copy(consul *ConsulServer, swaps map[string]string) {
	e.tb.Helper()
	web, view := strings.TrimPrefix(e.URL, "http://"), strings.TrimSuffix(strings.TrimPrefix(e.View, "http://"), "/autorollback/split")
	here := strings.NewReplacer("DIR", e.Dir, "WEB", web)
	swaps = maps.Clone(swaps)
	swaps["127.0.0.1:8500"], swaps["127.0.0.1:8081"], swaps["/etc/consul-template/"] = consul.Addr, view, e.Dir+"/"
	from := filepath.Join("../../examples/routers", e.folder) // of the test, which is two folders down too
	files, err := os.ReadDir(from)
	if err != nil {
		e.tb.Fatal(err)
	}
	missing := slices.Collect(maps.Keys(swaps))
	var pairs []string
	for old, to := range swaps {
		pairs = append(pairs, old, here.Replace(to))
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			e.tb.Fatal(err)
		}
		missing = slices.DeleteFunc(missing, func(old string) bool { return strings.Contains(string(text), old) })
		if err := os.WriteFile(filepath.Join(e.Dir, f.Name()), []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o700); err != nil {
			e.tb.Fatal(err)
		}
	}
	if len(missing) > 0 {
		e.tb.Fatalf("examples/routers/%s has no %q", e.folder, missing)
	}
}

// Render starts consul-template and returns when it has rendered the file; so the document
// must be there.
func (e *Example) Render(file string) {
	e.tb.Helper()
	ConsulTemplate(e.tb, filepath.Join(e.Dir, "consul-template.hcl"), filepath.Join(e.Dir, file))
}

// Start starts consul-template and the router, in front of these instances (host:port) of each
// backend. The document must be there. It returns when the router says what it serves.
func (e *Example) Start(consul *ConsulServer, pods map[string][]string) {
	e.tb.Helper()
	start, ok := map[string]func(*ConsulServer, map[string][]string){
		"nginx": e.nginx, "haproxy-socket": e.haproxySocket, "haproxy-reload": e.haproxyReload,
	}[e.folder]
	if !ok {
		e.tb.Fatalf("examples/routers/%s: nobody says how to start it", e.folder)
	}
	start(consul, pods)
}

func (e *Example) nginx(consul *ConsulServer, pods map[string][]string) {
	e.tb.Helper()
	e.Copy(consul, map[string]string{
		"/etc/nginx/":            "DIR/",
		"/run/nginx.pid":         "DIR/nginx.pid",
		"http {":                 "http {\naccess_log off;\nclient_body_temp_path DIR/body;",
		"listen 8080":            "listen WEB",
		"10.0.1.1:8000":          strings.Join(pods["ranker-v1"], "; server "),
		"10.0.2.1:8000":          strings.Join(pods["ranker-v2"], "; server "),
		"nginx -t -q":            "nginx -t -q -e stderr -c DIR/nginx.conf",
		"systemctl reload nginx": "kill -HUP $(cat DIR/nginx.pid)",
	})
	e.Render("ranker-split.conf")
	Nginx(e.tb, filepath.Join(e.Dir, "nginx.conf"), e.View)
}

func (e *Example) haproxySocket(consul *ConsulServer, pods map[string][]string) {
	e.tb.Helper()
	swaps := map[string]string{
		"/etc/haproxy/":   "DIR/",
		"/run/haproxy/":   "DIR/",
		"/usr/local/bin/": "DIR/",
		"bind :8080":      "bind WEB",
	}
	for backend, line := range map[string]string{"ranker-v1": "server ranker-v1-a 10.0.1.1:8000 check", "ranker-v2": "server ranker-v2-a 10.0.2.1:8000 check"} {
		var lines []string
		for i, pod := range pods[backend] {
			lines = append(lines, fmt.Sprintf("server %s-%d %s check", backend, i, pod))
		}
		swaps[line] = strings.Join(lines, "\n    ")
	}
	e.Copy(consul, swaps)
	e.Render("ranker.map")
	HAProxy(e.tb, filepath.Join(e.Dir, "haproxy.cfg"), e.View)
}

// haproxyReload has the instances from Consul's catalog.
func (e *Example) haproxyReload(consul *ConsulServer, pods map[string][]string) {
	e.tb.Helper()
	for backend, all := range pods {
		for i, pod := range all {
			consul.Register(backend, fmt.Sprintf("%s-%d", backend, i), "http://"+pod)
		}
	}
	e.Copy(consul, map[string]string{
		"/etc/haproxy/":            "DIR/",
		"/usr/local/bin/":          "DIR/",
		"bind :8080":               "bind WEB",
		"systemctl reload haproxy": "kill -USR2 $(cat DIR/haproxy.pid)",
	})
	e.Render("haproxy.cfg")
	HAProxy(e.tb, filepath.Join(e.Dir, "haproxy.cfg"), e.View)
}
