package doctor

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// What the doctor says of the keys that routers read.
func TestRouters(t *testing.T) {
	traefik := runbook.Routing{Router: runbook.Traefik, Root: "traefik", Service: "ranker"}
	sticky, fabio := traefik, runbook.Routing{Router: runbook.Fabio, Root: "fabio/config", Service: "ranker", Sources: []string{"/"}, Sticky: true}
	sticky.Sticky = true
	for name, c := range map[string]struct {
		routings []runbook.Routing
		keys     []string // key, value, …
		want     []string // state and a part of the text of each check
	}{
		"nothing":   {[]runbook.Routing{traefik}, nil, []string{"ok: for 1 of 1 services"}},
		"a typo":    {[]runbook.Routing{traefik}, []string{"traefik/http/routers/a/rulle", "x"}, []string{`off: traefik/http/routers/a/rulle: Traefik knows no "rulle"`}},
		"said once": {[]runbook.Routing{traefik, sticky}, []string{"traefik/http/routers/a/rulle", "x"}, []string{`off: Traefik knows no "rulle"`}},
		"no cookie": {[]runbook.Routing{sticky, traefik}, []string{
			"traefik/http/services/v1/loadbalancer/servers/0/url", "http://127.0.0.1:1",
			"traefik/http/services/ranker/weighted/services/0/name", "v1",
			"traefik/http/services/ranker/weighted/services/0/weight", "100",
		}, []string{"degraded: weighted/sticky/cookie: routing.sticky asks", "ok: for 1 of 2 services"}},
		"no way to stay": {[]runbook.Routing{fabio}, nil, []string{"degraded: fabio picks a side anew"}},
		"no such router": {[]runbook.Routing{{Router: "carrier"}}, nil, []string{"off: routing.router"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := store.OpenFile(filepath.Join(t.TempDir(), "kv"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for i := 0; i < len(c.keys); i += 2 {
				if err := f.Commit(t.Context(), store.NewTx(store.Op{Key: c.keys[i], Value: []byte(c.keys[i+1])})); err != nil {
					t.Fatal(err)
				}
			}
			p := &patient{Doctor: &Doctor{Store: f}}
			for _, routing := range c.routings {
				p.runbooks = append(p.runbooks, &runbook.Runbook{Service: "ranker", Routing: routing})
			}
			sameChecks(t, p.routers(t.Context()), c.want)
		})
	}
}

func sameChecks(t *testing.T, found []view.Check, want []string) {
	t.Helper()
	if len(found) != len(want) {
		t.Fatalf("found %+v, want %q", found, want)
	}
	for i, w := range want {
		state, text, _ := strings.Cut(w, ": ")
		if string(found[i].State) != state || !strings.Contains(found[i].What, text) {
			t.Errorf("found %+v, want %q", found[i], w)
		}
	}
}
