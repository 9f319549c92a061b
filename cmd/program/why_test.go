package program

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// why asks a daemon that answers with w.
func why(t *testing.T, w view.Why, args ...string) (out, asked string, code int) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_ = json.NewEncoder(rw).Encode(map[string]any{"status": "success", "data": w})
	}))
	defer srv.Close()
	var text strings.Builder
	err := run(t.Context(), append([]string{"why", "--url", srv.URL}, args...), nil, &text, &text)
	return text.String(), asked, cli.ExitCode(err)
}

func TestWhyPrintsAndExits(t *testing.T) {
	incident := record.Incident{ID: "inc-0123456789ab", Service: "ranker", Decision: record.Decision{Action: record.RollBack, Guard: "severe", Reasons: []string{"It is bad."}}}
	agrees := view.Why{Service: "ranker", Replica: "a", Incident: &incident, Rechecks: []view.Recheck{
		{What: "significance", Text: "the counts are elsewhere"}, {What: "decision", Known: true, Agrees: true, Text: "the same"}}}
	differs := agrees
	differs.Rechecks = []view.Recheck{{What: "decision", Known: true, Text: "it comes to ask"}}
	for name, c := range map[string]struct {
		why   view.Why
		args  []string
		asked string
		says  string
		code  int
	}{
		"a service": {view.Why{Service: "ranker", Mode: "observe", Replica: "a"}, []string{"ranker"}, "/api/v1/why/ranker?trigger=", "policy.mode is observe", cli.ExitOK},
		"a trigger": {view.Why{Service: "ranker", Trigger: "errors"}, []string{"ranker", "errors"}, "/api/v1/why/ranker?trigger=errors", "No release is open", cli.ExitOK},
		"a standby that is cold": {view.Why{Service: "ranker", Releases: []record.Release{{Weight: 5, Phase: record.Open, Standby: &record.Standby{State: record.Cold, Why: "v1 has 0 pods"}}}},
			[]string{"ranker"}, "/api/v1/why/ranker?trigger=", "A rollback is not possible right now: v1 has 0 pods (since", cli.ExitOK},
		"a standby that is warm": {view.Why{Service: "ranker", Releases: []record.Release{{Weight: 5, Phase: record.Open, Stable: record.Side{Version: "v1"}, Standby: &record.Standby{State: record.Warm}}}},
			[]string{"ranker"}, "/api/v1/why/ranker?trigger=", "Its standby v1 is warm.", cli.ExitOK},
		"agrees":  {agrees, []string{incident.ID}, "/api/v1/why/inc-0123456789ab?trigger=", "Decision: agrees. The same", cli.ExitOK},
		"differs": {differs, []string{incident.ID}, "/api/v1/why/inc-0123456789ab?trigger=", "Decision: DISAGREES. It comes to ask", cli.ExitWanting},
		"as JSON": {differs, []string{incident.ID, "-o", "json"}, "/api/v1/why/inc-0123456789ab?trigger=", `"guard": "severe"`, cli.ExitWanting},
	} {
		out, asked, code := why(t, c.why, c.args...)
		if asked != c.asked || code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s: asked %s, code %d, said:\n%s", name, asked, code, out)
		}
	}
}
