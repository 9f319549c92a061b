package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

const flagsKey = "features/ranker/v2"

// value is what a key says.
func value(t *testing.T, st store.Store, key string) string {
	t.Helper()
	snap, err := st.Read(t.Context(), key)
	must(t, err)
	en, _ := snap.Get(key)
	return string(en.Value)
}

// switchOn is somebody who writes v2's own encoder into its document, by hand.
func switchOn(t *testing.T, st store.Store) {
	t.Helper()
	must(t, put(st, flagsKey, strings.Replace(value(t, st, flagsKey), `"encoder":"v4"`, `"encoder":"v5"`, 1)))
}

func isOn(t *testing.T, st store.Store) bool {
	t.Helper()
	return strings.Contains(value(t, st, flagsKey), "v5")
}

// A mailbox keeps the pages about flags, the newest text last.
type mailbox struct {
	mu    sync.Mutex
	texts []string
}

func (b *mailbox) put(m record.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.Kind == report.KindFlagsOn && m.Page {
		b.texts = append(b.texts, m.Text)
	}
}

func (b *mailbox) pages() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.texts)
}

// rolledBack is a release that was rolled back, with an engine that reconciles until the test ends.
func rolledBack(t *testing.T, box *mailbox) (*Engine, *memory) {
	t.Helper()
	e, st, f := solo(t, func(p *Parts) {
		p.Post = posts(func(m record.Message) (string, error) { box.put(m); return "#ranking-oncall", nil })
	})
	f.set(func(f *facts) { f.traffic = 0 })
	rollBack(t, e, f)
	return e, st
}

// rollBack has an alert roll the release back, and the engine reconcile until the test ends.
func rollBack(t *testing.T, e *Engine, f *facts) {
	t.Helper()
	f.set(func(f *facts) { f.breaking["errors"] = true })
	must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-done) })
}

// A reader that looks at nothing but a flag's value gets nothing of v2 once it is rolled back:
// its document is written in the transaction of the weights.
func TestARollbackSwitchesFlagsOff(t *testing.T) {
	e, st, f := solo(t, nil)
	if want := `"flags":{"encoder":"v5"},"serving":true`; !strings.Contains(value(t, st, flagsKey), want) {
		t.Fatalf("v2 serves with %s", value(t, st, flagsKey))
	}
	f.breaking["errors"] = true
	must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
	if want := `"flags":{"encoder":"v4"},"serving":false,"quarantined":true`; !strings.Contains(value(t, st, flagsKey), want) {
		t.Errorf("v2 has %s, want %s", value(t, st, flagsKey), want)
	}
	var keys []string
	for _, k := range incidentOf(t, st).Change.Keys {
		keys = append(keys, k.Key)
	}
	if fmt.Sprint(keys) != "[routes/ranker/weights features/ranker/v2]" {
		t.Errorf("the transaction changed %v", keys)
	}
	for _, q := range all[record.Quarantine](t, st, store.QuarantineKey("")) {
		if q.Version != "v2" || q.Flags["encoder"] != "v4" || q.At.IsZero() {
			t.Errorf("the quarantine does not say what is off: %+v", q)
		}
	}
}

// Flags that somebody switches on for a quarantined bundle are off again at the next look, with
// a page each time, and left as they are once that is a tug of war.
func TestFlagsOfAQuarantinedBundleStayOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var box mailbox
		_, st := rolledBack(t, &box)
		for n := 1; n <= 4; n++ {
			switchOn(t, st)
			time.Sleep(time.Minute)
			if on := isOn(t, st); on != (n == 4) || len(box.pages()) != n && n < 4 {
				t.Fatalf("switched on for the %d. time: on is %v, %d pages", n, on, len(box.pages()))
			}
		}
		time.Sleep(12 * time.Minute)
		if all := box.pages(); len(all) != 4 || !strings.Contains(all[3], "something keeps writing them") {
			t.Errorf("pages: %q", all)
		}
		if !fixture.Noted(new(incidentOf(t, st)), "flags_on") {
			t.Error("the incident says nothing")
		}
	})
}

// What else somebody may have meant is respected: a pause, a lifted quarantine, traffic that was
// moved by hand to the bundle.
func TestFlagsThatAreLeftOn(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*testing.T, *Engine, *memory)
		pages  bool
	}{
		"paused":  {func(t *testing.T, _ *Engine, st *memory) { must(t, put(st, store.ControlKey, "paused")) }, true},
		"observe": {func(t *testing.T, _ *Engine, st *memory) { must(t, put(st, store.ControlKey, "observe")) }, true},
		"split": {func(t *testing.T, _ *Engine, st *memory) {
			must(t, put(st, routerKey, `{"weights":{"ranker-v1":50,"ranker-v2":50}}`))
		}, true},
		"lifted": {func(t *testing.T, e *Engine, _ *memory) {
			must(t, e.Lift(t.Context(), fixture.Launch(t).Candidate.Bundle.Digest(), fixture.By("ann"), "fixed"))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var box mailbox
				e, st := rolledBack(t, &box)
				time.Sleep(time.Minute)
				c.before(t, e, st)
				switchOn(t, st)
				time.Sleep(time.Minute)
				if !isOn(t, st) {
					t.Error("the flags were switched off")
				}
				if paged := len(box.pages()) > 0; paged != c.pages {
					t.Errorf("paged is %v, want %v", paged, c.pages)
				}
			})
		})
	}
}

// No start switches flags of a quarantined bundle on; once it is lifted, a start does.
func TestReleasedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st := rolledBack(t, new(mailbox))
		time.Sleep(15 * time.Minute)
		if _, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err == nil || isOn(t, st) {
			t.Fatalf("started with a quarantined bundle: %v", err)
		}
		must(t, e.Lift(t.Context(), fixture.Launch(t).Candidate.Bundle.Digest(), fixture.By("ann"), "fixed"))
		time.Sleep(time.Minute)
		if isOn(t, st) {
			t.Fatal("lifting switched the flags on")
		}
		if _, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err != nil {
			t.Fatal(err)
		}
		if want := `"flags":{"encoder":"v5"},"serving":true,"quarantined":false`; !strings.Contains(value(t, st, flagsKey), want) {
			t.Errorf("v2 has %s, want %s", value(t, st, flagsKey), want)
		}
	})
}

// Where flags wait for the traffic, the document stays whole, its flags and that it serves, until
// what the router sends to v2 is measured to be nothing; then it is off, in one transaction with the
// release.
func TestFlagsWaitUntilDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, nil)
		e.services["ranker"].rb.Routing.FlagsAfter = runbook.Drained
		f.set(func(f *facts) { f.traffic = 5 })
		before := value(t, st, flagsKey)
		rollBack(t, e, f)
		time.Sleep(time.Minute)
		if value(t, st, flagsKey) != before {
			t.Fatalf("v2 still gets requests, and its document is %s", value(t, st, flagsKey))
		}
		rel, err := e.Release(t.Context(), "ranker", runbook.DefaultRegion)
		must(t, err)
		if w := rel.FlagsPending(); w == nil || rel.Phase != record.RolledBack || w.Keys[0].Key != flagsKey {
			t.Fatalf("pending is %+v of %s", w, rel.Phase)
		}
		if _, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err == nil {
			t.Error("another release began meanwhile")
		}
		f.set(func(f *facts) { f.traffic, f.errors = 0, 0.001 })
		time.Sleep(5 * time.Minute)
		inc := incidentOf(t, st)
		if isOn(t, st) || inc.Verdict == nil || inc.Verdict.Outcome != record.Recovered {
			t.Errorf("verdict %+v, document %s", inc.Verdict, value(t, st, flagsKey))
		}
		if rel, _ = e.Release(t.Context(), "ranker", runbook.DefaultRegion); len(rel.Pending) > 0 {
			t.Errorf("still pending: %+v", rel.Pending)
		}
	})
}

// What never drained within the verification is waited for without end, and a pause does not
// hold it; a lifted quarantine ends it.
func TestFlagsWaitBeyondTheVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		then func(*testing.T, *Engine, *memory, *facts)
		on   bool
	}{
		"drained after the verdict": {func(t *testing.T, _ *Engine, st *memory, f *facts) {
			must(t, put(st, store.ControlKey, "paused"))
			f.set(func(f *facts) { f.traffic = 0 })
		}, false},
		"lifted": {func(t *testing.T, e *Engine, _ *memory, _ *facts) {
			must(t, e.Lift(t.Context(), fixture.Launch(t).Candidate.Bundle.Digest(), fixture.By("ann"), "fixed"))
		}, true},
		"switched off by hand": {func(t *testing.T, _ *Engine, st *memory, _ *facts) {
			must(t, put(st, flagsKey, `{"flags":{"encoder":"v4"},"serving":false,"schema":1,"quarantined":true,"bundle":"`+fixture.Launch(t).Candidate.Bundle.Digest()+`"}`))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, st, f := solo(t, nil)
				e.services["ranker"].rb.Routing.FlagsAfter = runbook.Drained
				f.set(func(f *facts) { f.traffic = 5 })
				rollBack(t, e, f)
				time.Sleep(15 * time.Minute)
				if inc := incidentOf(t, st); !isOn(t, st) || inc.Phase != record.Done || inc.Verdict.Outcome == record.Recovered {
					t.Fatalf("incident %s, verdict %+v, document %s", inc.Phase, inc.Verdict, value(t, st, flagsKey))
				}
				c.then(t, e, st, f)
				time.Sleep(time.Minute)
				rel, err := e.Release(t.Context(), "ranker", runbook.DefaultRegion)
				must(t, err)
				if isOn(t, st) != c.on || len(rel.Pending) > 0 {
					t.Errorf("document %s, pending %+v", value(t, st, flagsKey), rel.Pending)
				}
			})
		})
	}
}
