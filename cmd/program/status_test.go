package program

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// Each write that is decided and not carried out yet has a line of its own, whatever else is to be
// said of the release.
func TestStatusHasALineForEachPendingWrite(t *testing.T) {
	st := view.Status{Releases: []record.Release{
		{Service: "ranker", Region: "eu", Phase: record.RolledBack, Frozen: "p99 over the limit", Pending: []record.DeferredWrite{
			{Place: "config-entry", Keys: []record.KeyChange{{Key: "config-entry://service-splitter/ranker"}}, Ours: []record.Split{}, Problem: "no leader"},
			{Keys: []record.KeyChange{{Key: "features/ranker/v2"}}, After: record.AfterApplied},
		}},
		{Service: "search", Region: "eu", Phase: record.Open},
	}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": st})
	}))
	defer srv.Close()
	var out strings.Builder
	if err := run(t.Context(), []string{"release", "status", "--url", srv.URL}, nil, &out, &out); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "pending since") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 2 || !strings.HasSuffix(lines[0], ": ranker in eu: config-entry://service-splitter/ranker is not written yet: no leader\n") ||
		!strings.HasSuffix(lines[1], ": ranker in eu: features/ranker/v2 is not written yet: it waits until no request reaches the candidate any more\n") {
		t.Errorf("pending lines %q of\n%s", lines, out.String())
	}
}
