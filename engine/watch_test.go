package engine

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

var rebuilding = record.Significance{Problem: "the significance is being rebuilt from Prometheus' history"}

// No rule is loaded in any of these: no alert fires, and none is delivered.
func TestTheWatcherActsByItself(t *testing.T) {
	for _, c := range []struct {
		name     string
		breaking []string
		says     map[string]record.Significance
		phase    record.Phase // empty: no incident
		triggers []string
		unasked  string
	}{
		{"significant, and the gate is open", []string{"errors"}, nil, record.Acted, []string{"errors"}, ""},
		{"two at the same moment", []string{"errors", "slow"}, nil, record.Acted, []string{"errors", "slow"}, ""},
		{"significant, and the gate is shut", nil, nil, "", nil, ""},
		{"just proved", []string{"errors"}, map[string]record.Significance{"errors": {Value: 1}}, record.Acted, []string{"errors"}, ""},
		{"not significant", []string{"errors"}, map[string]record.Significance{"errors": {Value: 0.99}}, "", nil, "errors"},
		{"being rebuilt", []string{"errors"}, map[string]record.Significance{"errors": rebuilding}, "", nil, "errors"},
		{"stale", []string{"errors"}, map[string]record.Significance{"errors": {Value: 9, Problem: "of a minute ago"}}, "", nil, "errors"},
		{"an absolute limit has no significance", []string{"slo"}, map[string]record.Significance{"slo": rebuilding}, record.Frozen, []string{"slo"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, st, f := solo(t, nil)
			for _, trigger := range c.breaking {
				f.breaking[trigger] = true
			}
			e.monitor.(*proofs).says = c.says
			e.watch(t.Context())
			i := incidentOf(t, st)
			slices.Sort(i.Triggers)
			if i.Phase != c.phase || !slices.Equal(i.Triggers, c.triggers) {
				t.Errorf("incident is %q of %v", i.Phase, i.Triggers)
			}
			if c.phase != "" && !slices.Equal(i.Sources, []record.Source{record.Watcher}) {
				t.Errorf("heard by %v", i.Sources)
			}
			if n := f.asked["breach "+c.unasked]; n != 0 {
				t.Errorf("%s was asked %d times", c.unasked, n)
			}
			acts := 0
			for _, m := range all[record.Message](t, st, store.OutboxKey("")) {
				if m.Kind == "acted" {
					acts++
				}
			}
			if want := map[bool]int{true: 1}[c.phase == record.Acted]; acts != want {
				t.Errorf("%d messages of an act, want %d", acts, want)
			}
		})
	}
}

func TestTheWatcherAsksAbsoluteLimitsOnceAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, f := solo(t, nil)
		slower := *e.services["ranker"].rb
		slower.Metrics.Interval = runbook.Duration(15 * time.Second)
		e.services["ranker"] = service{&slower, e.services["ranker"].router, e.services["ranker"].ask}
		for _, step := range []struct {
			after time.Duration
			mute  bool
			want  int
		}{{0, false, 1}, {5 * time.Second, false, 1}, {9 * time.Second, false, 1}, {time.Second, false, 2},
			{15 * time.Second, true, 2}, {5 * time.Second, false, 3}, {5 * time.Second, false, 3}} {
			time.Sleep(step.after)
			f.set(func(f *facts) { f.mute = step.mute })
			e.watch(t.Context())
			if f.asked["breach slo"] != step.want {
				t.Errorf("after another %s asked %d times, want %d", step.after, f.asked["breach slo"], step.want)
			}
		}
	})
}

// Nobody has claimed a breach: gates that are not answered open no incident, and are paged
// about once they stay so. What has no data is the companion's.
func TestUnansweredGatesOpenNoIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, nil)
		f.set(func(f *facts) { f.mute = true })
		for range 5 {
			e.watch(t.Context())
			time.Sleep(5 * time.Second)
		}
		if i, n := incidentOf(t, st), len(pagesOf(t, st, "blind")); i.Phase != "" || n != 0 {
			t.Errorf("incident is %q, %d pages before half a minute", i.Phase, n)
		}
		for range 3 {
			e.watch(t.Context())
			time.Sleep(5 * time.Second)
		}
		pages := pagesOf(t, st, "blind")
		if i := incidentOf(t, st); i.Phase != "" || len(pages) != 1 || !strings.Contains(pages[0].Text, "ask the gate of") {
			t.Errorf("incident is %q, pages %+v", i.Phase, pages)
		}
		f.set(func(f *facts) { f.mute, f.silent["errors"], f.silent["slo"] = false, true, true })
		e.watch(t.Context())
		if i := incidentOf(t, st); i.Phase != "" || !e.blindSince.IsZero() {
			t.Errorf("incident is %q, blind since %s", i.Phase, e.blindSince)
		}
	})
}

// The companion fires where a trigger cannot judge: for want of data, or of significance.
func TestTheCompanionSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name   string
		silent string
		says   map[string]record.Significance
		phase  record.Phase
		reason string
	}{
		{"nothing", "", nil, "", ""},
		{"data of one trigger", "errors", nil, record.HeldPhase, "one side has no data"},
		{"data of one trigger, and significance", "errors", map[string]record.Significance{"slow": rebuilding}, record.HeldPhase, "one side has no data"},
		{"significance of one trigger", "", map[string]record.Significance{"slow": rebuilding}, record.Unconfirmed, "being rebuilt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, st, f := solo(t, nil)
				f.set(func(f *facts) { f.silent[c.silent], f.firing = true, []string{blind} })
				e.monitor.(*proofs).says = c.says
				for range 3 {
					e.watch(t.Context())
					time.Sleep(5 * time.Second)
				}
				i := incidentOf(t, st)
				if i.Phase != c.phase || !strings.Contains(i.Breach.Problem, c.reason) {
					t.Fatalf("incident is %q: %s", i.Phase, i.Breach.Problem)
				}
				if c.phase == record.HeldPhase && i.Decision.Guard != policy.GuardBlind {
					t.Errorf("held by %s", i.Decision.Guard)
				}
				if c.phase == record.Unconfirmed {
					e.reconcile(t.Context(), theTarget)
					if again := incidentOf(t, st); len(again.Timeline) != len(i.Timeline) {
						t.Errorf("asking again wrote %v", again.Timeline[len(i.Timeline):])
					}
					e.monitor.(*proofs).say("slow", record.Significance{At: time.Now(), Value: 0.1})
					time.Sleep(2 * sharedFor)
					e.reconcile(t.Context(), theTarget)
					if i := incidentOf(t, st); i.Phase != record.Done {
						t.Errorf("once it is known the incident is %q", i.Phase)
					}
				}
			})
		})
	}
}
