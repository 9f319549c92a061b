package program

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// ramping is a status with a release, an incident that waits for a human, and another service.
func ramping(weight runbook.Weight) view.Status {
	return view.Status{
		Control: record.Control{Mode: runbook.Paused, By: "ann", Reason: "lunch"},
		Releases: []record.Release{
			{ID: "rel-1", Service: "ranker", Region: "default", Phase: record.Open, Weight: weight, Incident: "inc-1", Waiting: "25 % at noon", Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}},
			{ID: "rel-2", Service: "search", Region: "eu", Phase: record.Closed, Weight: 100, Stable: record.Side{Version: "s1"}, Candidate: record.Side{Version: "s2"}},
		},
		Incidents: []record.Incident{
			{ID: "inc-1", Service: "ranker", Region: "default", Phase: record.Awaiting, Breach: record.Breach{Trigger: "p95"}},
			{ID: "inc-0", Service: "ranker", Region: "default", Phase: record.Done},
		},
		Approvals: []record.Approval{{ID: "a1", Kind: record.RollbackApproval, Service: "ranker", Region: "default"}},
	}
}

// states answers with each status in turn, and with the last one from then on; a nil is a daemon that restarts.
// Once the last was asked for twice, nobody waits for more: done is called.
func states(t *testing.T, done func(), all ...*view.Status) string {
	t.Helper()
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(asked.Add(1)) - 1
		if n > len(all) {
			done()
		}
		st := all[min(n, len(all)-1)]
		if st == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": st})
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func says(t *testing.T, args ...string) (out, errs string, err error) {
	t.Helper()
	var o, e strings.Builder
	err = run(t.Context(), args, nil, &o, &e)
	return o.String(), e.String(), err
}

// The status says what counts on one narrow screen, and what to do.
func TestStatus(t *testing.T) {
	st := ramping(5)
	url := states(t, func() {}, &st)
	out, _, err := says(t, "status", "--url", url)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"automation: paused, set by ann: lunch\n", "SERVICE       STATE     TRAFFIC         NOTE\n",
		"ranker        awaiting  v2 5%, v1 95%   25 % at noon\n", "search in eu  proved    s2 100%, s1 0%\n", "inc-1     ranker",
		"waits for an answer until -: roll back ranker?\n  yes: autorollback approve a1 --service ranker\n  no:  autorollback reject a1 --service ranker --reason WHY\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "inc-0") {
		t.Errorf("an incident that is over:\n%s", out)
	}
	one, _, err := says(t, "status", "search", "--url", url)
	if err != nil || strings.Contains(one, "ranker") || !strings.Contains(one, "search in eu") {
		t.Errorf("%v\n%s", err, one)
	}
	if _, _, err := says(t, "status", "serch", "--url", url); err == nil || !strings.Contains(err.Error(), "service serch") {
		t.Errorf("a service that is not there: %v", err)
	}
}

// Programs get the record as the API has it, of one service or of all.
func TestStatusForPrograms(t *testing.T) {
	st := ramping(5)
	url := states(t, func() {}, &st)
	var asJSON, asYAML view.Status
	out, _, err := says(t, "status", "ranker", "--url", url, "-o", "json", "--color=always")
	if bad := json.Unmarshal([]byte(out), &asJSON); err != nil || bad != nil || len(asJSON.Releases) != 1 || asJSON.Approvals[0].ID != "a1" {
		t.Errorf("%v, %v: %s", err, bad, out)
	}
	out, _, err = says(t, "status", "ranker", "--url", url, "-o", "yaml", "--color=always")
	var node any
	bad := yaml.Unmarshal([]byte(out), &node)
	again, _ := json.Marshal(node)
	if err != nil || bad != nil || json.Unmarshal(again, &asYAML) != nil || asYAML.Releases[0].ID != "rel-1" || strings.Contains(out, "\x1b") {
		t.Errorf("%v, %v: %s", err, bad, out)
	}
}

// Where nobody looks at a terminal, watch prints each change once, says once that the daemon does not
// answer, and ends with Ctrl-C, which is no error.
func TestWatchPrintsChanges(t *testing.T) {
	first, second := ramping(5), ramping(25)
	for name, command := range map[string][]string{
		"watch": {"watch"}, "status --watch": {"status", "--watch"}, "of a service": {"watch", "ranker"}, "release status -w": {"release", "status", "-w"},
	} {
		ctx, stop := context.WithCancel(t.Context())
		url := states(t, stop, &first, &first, nil, nil, &first, &second)
		var out, errs strings.Builder
		err := run(ctx, append(command, "--every=1ms", "--url", url), nil, &out, &errs)
		if err != nil || cli.ExitCode(err) != cli.ExitOK {
			t.Errorf("%s: Ctrl-C: %v", name, err)
		}
		text := out.String()
		if strings.Count(text, "SERVICE ") < 2 || strings.Count(text, " 5%") != 1 || strings.Count(text, " 25%") != 1 || strings.Index(text, " 5%") > strings.Index(text, " 25%") {
			t.Errorf("%s prints\n%s", name, text)
		}
		if strings.Count(errs.String(), "503") != 1 || strings.Contains(text, "\x1b") {
			t.Errorf("%s says\n%q", name, errs.String())
		}
		stop()
	}
}

// A daemon that is not there yet is waited for, and named once; what no waiting can help ends at once.
func TestWatchWithoutADaemon(t *testing.T) {
	st := ramping(5)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": st})
	}))
	nobody := "http://" + srv.Listener.Addr().String()
	srv.Listener.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said := &onceSaid{text: "no daemon answers at " + nobody, then: stop}
	var out strings.Builder
	if err := run(ctx, []string{"watch", "--every=1ms", "--url", nobody}, nil, &out, said); err != nil || strings.Count(said.String(), "no daemon answers") != 1 || out.Len() > 0 {
		t.Errorf("%v: %q, %q", err, said.String(), out.String())
	}
	url := states(t, func() { t.Error("it is asked again") }, &st)
	for args, code := range map[string]int{"watch serch": cli.ExitError, "status -w --every=0s": cli.ExitUsage} {
		if _, _, err := says(t, append(strings.Fields(args), "--url", url)...); cli.ExitCode(err) != code {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// onceSaid calls then when a text was written.
type onceSaid struct {
	strings.Builder
	text string
	then func()
}

func (o *onceSaid) Write(p []byte) (int, error) {
	n, err := o.Builder.Write(p)
	if strings.Contains(o.String(), o.text) {
		o.then()
	}
	return n, err
}

// An incident is watched as well: its page, when it changes.
func TestWatchAnIncident(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n := asked.Add(1); {
		case n < 3:
			_, _ = w.Write([]byte("# one\n"))
		case n == 3:
			_, _ = w.Write([]byte("# two \x1b[2J\n"))
		default:
			stop()
		}
	}))
	defer srv.Close()
	var out strings.Builder
	if err := run(ctx, []string{"incident", "show", "inc-1", "--watch", "--every=1ms", "--url", srv.URL}, nil, &out, &out); err != nil || out.String() != "# one\n\n# two �[2J\n" {
		t.Errorf("%v: %q", err, out.String())
	}
}
