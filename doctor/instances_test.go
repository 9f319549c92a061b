package doctor

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// Each instance is asked, and one that does not serve what the store says is a finding.
func TestRouterInstances(t *testing.T) {
	st, err := store.OpenFile(filepath.Join(t.TempDir(), "kv"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	write := store.NewTx(store.Op{Verb: store.Set, Key: "routes/ranker/weights", Value: []byte(`{"schema":1,"weights":{"v1":95,"v2":5}}`)})
	if err := st.Commit(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	shows := func(body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	same, other := shows(`{"weights":{"v1":95,"v2":5}}`), shows(`{"weights":{"v1":100,"v2":0}}`)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		key       string
		instances []string
		state     view.CheckState
		what      string
		findings  int
	}{
		"none named":    {"routes/ranker/weights", nil, view.CheckOK, "by the measured share only", 0},
		"all follow":    {"routes/ranker/weights", []string{same, same + "/2"}, view.CheckOK, "all 2 named instances serve v1 95, v2 5", 0},
		"one does not":  {"routes/ranker/weights", []string{same, other}, view.CheckOff, other + " serves v1 100, v2 0, and the store has v1 95, v2 5", 1},
		"nobody there":  {"routes/ranker/weights", []string{gone.URL, same}, view.CheckOff, gone.URL + ": it does not answer", 1},
		"two are wrong": {"routes/ranker/weights", []string{gone.URL, other}, view.CheckOff, gone.URL, 2},
		"no weights":    {"routes/search/weights", []string{same}, view.CheckOK, "no weights yet", 0},
	} {
		t.Run(name, func(t *testing.T) {
			rb := &runbook.Runbook{Service: "ranker", Routing: runbook.Routing{Router: runbook.JSONKey, Key: c.key, Instances: c.instances}}
			p := &patient{Doctor: &Doctor{Store: st, HTTP: http.DefaultClient}, runbooks: []*runbook.Runbook{rb}}
			found := p.instances(t.Context())
			findings := 0
			for _, f := range found {
				if f.State.Finding() {
					findings++
				}
			}
			if findings != c.findings || found[0].State != c.state || !strings.Contains(found[0].What, c.what) || found[0].Part != "router" {
				t.Errorf("%+v", found)
			}
		})
	}
}
