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

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A daemon that does not answer in time leaves open whether it comes.
func TestReleaseWaitWithoutAnAnswer(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	var out strings.Builder
	err := run(t.Context(), []string{"release", "wait", "ranker", "--for=proved", "--timeout=50ms", "--url", silent.URL}, nil, &out, &out)
	if code := cli.ExitCode(err); code != cli.ExitUnclear || !strings.Contains(out.String(), "ranker: ") {
		t.Errorf("exit code %d: %v\n%s", code, err, out.String())
	}
}

// past answers with one release after the other, and the last for ever; nil is a daemon that restarts.
func past(t *testing.T, control record.Control, rels ...*record.Release) string {
	t.Helper()
	var asked atomic.Int64
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, data any) {
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
	}
	mux.HandleFunc("GET "+api.Path+"/control", func(w http.ResponseWriter, _ *http.Request) { answer(w, control) })
	mux.HandleFunc("GET "+api.Path+"/releases/ranker/eu", func(w http.ResponseWriter, _ *http.Request) {
		n := min(int(asked.Add(1)), len(rels)) - 1
		if rels[n] == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer(w, rels[n])
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// A pipeline learns by the exit code whether what it waits for came, can never come, or may still come.
func TestReleaseWait(t *testing.T) {
	rel := func(change func(*record.Release)) *record.Release {
		r := record.Release{ID: "rel-1", Service: "ranker", Region: "eu", Phase: record.Open, Weight: 5,
			Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
		if change != nil {
			change(&r)
		}
		return &r
	}
	at5 := rel(nil)
	at25 := rel(func(r *record.Release) { r.Weight = 25 })
	frozen := rel(func(r *record.Release) { r.Frozen = "both versions are bad." })
	stopped := rel(func(r *record.Release) { r.Stopped = &record.HumanStop{By: "ada", Reason: "lunch"} })
	rolled := rel(func(r *record.Release) { r.Phase, r.Weight, r.Incident = record.RolledBack, 0, "inc-7" })
	proved := rel(func(r *record.Release) { r.Phase, r.Weight = record.Closed, 100 })
	next := rel(func(r *record.Release) { r.ID = "rel-2" })
	pause := record.Control{Mode: runbook.Paused}
	ended := record.Control{Mode: runbook.Paused, Until: time.Now().Add(-time.Hour)}
	for name, c := range map[string]struct {
		goal    string
		control record.Control
		rels    []*record.Release
		code    int
		out     string
		errs    string
	}{
		"the next step":              {"step", pause, []*record.Release{at5, at5, at25}, cli.ExitOK, "rel-1: 25 % to v2\n", "5 % to v2, the rest to v1\n"},
		"a restart between":          {"step", pause, []*record.Release{at5, nil, nil, at25}, cli.ExitOK, "rel-1: 25 % to v2\n", "503"},
		"no step is left":            {"step", pause, []*record.Release{at5, proved}, cli.ExitOK, "rel-1: v2 is proved\n", ""},
		"frozen, and it continues":   {"step", pause, []*record.Release{at5, frozen, at25}, cli.ExitOK, "rel-1: 25 % to v2\n", "frozen: both versions are bad."},
		"rolled back instead":        {"step", pause, []*record.Release{at5, rolled}, cli.ExitWanting, "rel-1: rolled back to v1; see: autorollback incident show inc-7\n", ""},
		"proved":                     {"proved", pause, []*record.Release{at5, at25, proved}, cli.ExitOK, "rel-1: v2 is proved\n", "25 % to v2"},
		"never proved":               {"proved", pause, []*record.Release{rolled}, cli.ExitWanting, "rel-1: rolled back to v1; see: autorollback incident show inc-7\n", ""},
		"another release":            {"proved", pause, []*record.Release{at5, next}, cli.ExitWanting, "rel-2: rel-1 is followed by rel-2\n", ""},
		"rolled back":                {"rolled-back", pause, []*record.Release{at25, rolled}, cli.ExitOK, "rel-1: rolled back to v1; see: autorollback incident show inc-7\n", ""},
		"never rolled back":          {"rolled-back", pause, []*record.Release{at25, proved}, cli.ExitWanting, "rel-1: v2 is proved\n", ""},
		"stopped":                    {"paused", record.Control{}, []*record.Release{at5, stopped}, cli.ExitOK, "rel-1: stopped by ada: lunch\n", ""},
		"automation is paused":       {"paused", pause, []*record.Release{at5}, cli.ExitOK, "rel-1: automation is paused\n", ""},
		"a pause that is over":       {"paused", ended, []*record.Release{at5}, cli.ExitUnclear, "rel-1: not paused within 200ms\n", ""},
		"nothing within the time":    {"proved", pause, []*record.Release{at5}, cli.ExitUnclear, "rel-1: not proved within 200ms\n", "5 % to v2"},
		"the daemon does not return": {"step", pause, []*record.Release{at5, nil}, cli.ExitUnclear, "rel-1: no further step within 200ms\n", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := "1m"
			if c.code == cli.ExitUnclear {
				timeout = "200ms"
			}
			args := []string{"release", "wait", "ranker", "--region=eu", "--for", c.goal, "--timeout", timeout, "--every=1ms", "--url", past(t, c.control, c.rels...)}
			var out, errs strings.Builder
			err := run(t.Context(), args, nil, &out, &errs)
			if cli.ExitCode(err) != c.code || out.String() != c.out || !strings.Contains(errs.String(), c.errs) {
				t.Errorf("code %d (%v), want %d\n%s%s", cli.ExitCode(err), err, c.code, out.String(), errs.String())
			}
			out.Reset()
			args[len(args)-1] = past(t, c.control, c.rels...)
			err = run(t.Context(), append(args, "-o", "json"), nil, &out, &errs)
			var got waited
			if bad := json.Unmarshal([]byte(out.String()), &got); bad != nil || cli.ExitCode(err) != c.code || got.Met != (c.code == cli.ExitOK) ||
				got.For != c.goal || got.Release.Service != "ranker" || !strings.HasSuffix(c.out, got.Why+"\n") {
				t.Errorf("%v, %v: %s", bad, err, out.String())
			}
		})
	}
}

// What no waiting can help is said at once.
func TestReleaseWaitEndsAtOnce(t *testing.T) {
	url := past(t, record.Control{}, &record.Release{})
	for args, code := range map[string]int{
		"release wait ranker --for=proved --timeout=0s":   cli.ExitUsage,
		"release wait ranker --for=proved --timeout=soon": cli.ExitUsage,
		"release wait ranker --for=luck":                  cli.ExitUsage,
		"release wait ranker":                             cli.ExitUsage,
		"release wait search --for=proved":                cli.ExitError, // the server knows none
	} {
		var out strings.Builder
		if err := run(t.Context(), append(strings.Fields(args), "--url", url), nil, &out, &out); cli.ExitCode(err) != code {
			t.Errorf("%s: %v, code %d, want %d", args, err, cli.ExitCode(err), code)
		}
	}
}

// Who stops the waiting with Ctrl-C reads a sentence.
func TestReleaseWaitIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	url := past(t, record.Control{}, &record.Release{ID: "rel-1", Service: "ranker", Phase: record.Open, Weight: 5, Candidate: record.Side{Version: "v2"}})
	said := &onceSaid{text: "5 % to v2", then: stop}
	var out strings.Builder
	err := run(ctx, []string{"release", "wait", "ranker", "--region=eu", "--for=proved", "--every=1ms", "--url", url}, nil, &out, said)
	if err == nil || err.Error() != "stopped before it was done" || cli.ExitCode(err) != cli.ExitError || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
}
