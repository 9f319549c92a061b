package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/web"
)

// Every route that answers with a page is on a line of the table, so that no page is new and unseen.
func TestEveryPageIsInTheTable(t *testing.T) {
	mux, seen := http.NewServeMux(), map[string]bool{}
	for _, r := range web.Routes() {
		mux.Handle(pattern(r), http.NotFoundHandler())
	}
	for _, p := range pages {
		path, _, _ := strings.Cut(p.path, "?")
		if strings.HasPrefix(path, "approve:") {
			path = "/approve/token"
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, found := mux.Handler(r)
		seen[found], seen[p.sends] = true, true
	}
	s, found := newSite(t, true), 0
	for _, r := range web.Routes() {
		if !s.isPage(t, r) {
			continue
		}
		if found++; !seen[pattern(r)] {
			t.Errorf("%s answers with a page, and is on no line of the table", pattern(r))
		}
	}
	if found < 5 {
		t.Errorf("%d routes answer with pages: the test asks the wrong way", found)
	}
}

func pattern(r web.Route) string { return strings.TrimSpace(r.Method + " " + r.Path) }

// isPage reports whether a route answers with pages: it refuses with one whom nobody knows.
func (s *site) isPage(t *testing.T, to web.Route) bool {
	t.Helper()
	path := strings.NewReplacer("{$}", "", "{service}", "ranker", "{region}", "default", "{id}", "x", "{digest}", digestV1, "{token}", "x").Replace(to.Path)
	method := to.Method
	if method == "" {
		method = http.MethodGet
		path += "nothing"
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && !strings.Contains(path[1:], ".")
}
