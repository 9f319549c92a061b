package routers

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

const document = "routes/ranker/weights"

// An example is a copy of a folder of examples/routers, with the addresses and the folders
// of the test.
type example struct {
	*world
	dir   string
	place *place
}

// example copies examples/routers/NAME. Each text of swaps must stand in it, and what takes
// its place may name the test's folder (DIR) and addresses (WEB, STABLE, CANDIDATE).
func (w *world) example(name string, swaps map[string]string) example {
	w.Helper()
	web, view := servers.FreeAddr(w), servers.FreeAddr(w)
	e := example{world: w, dir: w.TempDir(), place: w.place(runbook.Routing{Router: runbook.JSONKey, Key: document})}
	e.place.url, e.place.instance = "http://"+web, "http://"+view+"/autorollback/split"
	here := strings.NewReplacer("DIR", e.dir, "WEB", web, "STABLE", strings.TrimPrefix(w.models[stable], "http://"),
		"CANDIDATE", strings.TrimPrefix(w.models[candidate], "http://"))
	swaps = maps.Clone(swaps)
	swaps["127.0.0.1:8500"], swaps["127.0.0.1:8081"], swaps["/etc/consul-template/"] = w.consul.Addr, view, e.dir+"/"
	from := filepath.Join("../../examples/routers", name)
	files, err := os.ReadDir(from)
	if err != nil {
		w.Fatal(err)
	}
	missing := slices.Collect(maps.Keys(swaps))
	var pairs []string
	for old, to := range swaps {
		pairs = append(pairs, old, here.Replace(to))
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			w.Fatal(err)
		}
		missing = slices.DeleteFunc(missing, func(old string) bool { return strings.Contains(string(text), old) })
		if err := os.WriteFile(filepath.Join(e.dir, f.Name()), []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o700); err != nil {
			w.Fatal(err)
		}
	}
	if len(missing) > 0 {
		w.Fatalf("examples/routers/%s has no %q", name, missing)
	}
	return e
}

// render writes the first document, as docs/routers.md has a human do, and starts
// consul-template, which renders the file.
func (e example) render(file string) {
	e.Helper()
	e.put(document, `{"weights":{"ranker-v1":100,"ranker-v2":0}}`)
	servers.ConsulTemplate(e, filepath.Join(e.dir, "consul-template.hcl"), filepath.Join(e.dir, file))
}
