package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A rulebook is a Prometheus on paper that also has the runbook's rules loaded, as
// edited by somebody.
type rulebook struct {
	*facts
	rb    *runbook.Runbook
	edit  func(trigger string, r *promapi.Rule)
	gone  error // its rules cannot be asked for
	asked []time.Time
}

// RuleGroups implements rules.API.
func (b *rulebook) RuleGroups(_ context.Context, each func(promapi.RuleGroup) error, _ ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, time.Now())
	if b.gone != nil {
		return b.gone
	}
	g, err := rules.Compile(b.rb)
	if err != nil {
		b.tb.Fatal(err)
	}
	out := promapi.RuleGroup{Name: g.Name, Interval: g.Interval.Std().Seconds()}
	for _, r := range g.Rules {
		if r.Alert == "" {
			out.Rules = append(out.Rules, promapi.Rule{Type: "recording", Name: r.Record, Query: r.Expr.String(), Labels: r.Labels, Health: "ok", LastEvaluation: time.Now()})
			continue
		}
		a := promapi.Rule{Type: "alerting", Name: r.Alert, Query: r.Expr.String(), Duration: r.For.Std().Seconds(), Labels: r.Labels, Annotations: r.Annotations,
			Health: "ok", LastEvaluation: time.Now()}
		if b.edit != nil {
			b.edit(r.Labels["trigger"], &a)
		}
		if a.Query == "" { // it is not loaded
			continue
		}
		out.Rules = append(out.Rules, a)
	}
	dog := promapi.RuleGroup{Name: "autorollback-watchdog", Interval: out.Interval, Rules: []promapi.Rule{{Type: "alerting", Name: "AutorollbackWatchdog", Query: "vector(1)",
		Labels: map[string]string{"autorollback": "true", "trigger": "watchdog", "severity": "none"}, Health: "ok", LastEvaluation: time.Now(),
		Annotations: map[string]string{"summary": "Always firing: the path from Prometheus to autorollback works.", "description": "If this alert does not arrive, no breach would arrive either."}}}}
	return errors.Join(each(out), each(dog))
}

func (b *rulebook) alter(edit func(trigger string, r *promapi.Rule)) {
	b.set(func(*facts) { b.edit = edit })
}

func lost(which string) func(string, *promapi.Rule) {
	return func(trigger string, r *promapi.Rule) {
		if trigger == which {
			r.Query = ""
		}
	}
}

func edited(which string) func(string, *promapi.Rule) {
	return func(trigger string, r *promapi.Rule) {
		if trigger == which {
			r.Query += " > 0.9"
		}
	}
}

// ruled is an engine with an open release and such a Prometheus.
func ruled(t *testing.T) (*Engine, *memory, *rulebook) {
	t.Helper()
	var b *rulebook
	e, st, f := solo(t, nil)
	b = &rulebook{facts: f, rb: e.services["ranker"].rb}
	e.prom = partsOf(st, b).Prometheus
	return e, st, b
}

func breaching(t *testing.T, e *Engine, b *rulebook, trigger string) record.Incident {
	t.Helper()
	b.set(func(f *facts) { f.breaking[trigger] = true })
	must(t, hears(t, e, record.Alert{Service: "ranker", Trigger: trigger, Firing: true, Source: record.Webhook, StartsAt: time.Now()}))
	return incidentOf(t, e.store)
}

func kindsIn(t *testing.T, st store.Store, kind string) (n int) {
	for _, m := range all[record.Message](t, st, store.OutboxKey("")) {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

// The rules are edited: after two comparisons people are told once, a breach asks, and
// once they are fixed it rolls back by itself.
func TestDriftedRulesAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, b := ruled(t)
		if e.checkRules(t.Context()); e.check("ranker").State != record.RulesOneToOne {
			t.Fatalf("untouched rules are %+v", e.check("ranker"))
		}
		b.alter(edited("errors"))
		if soon := e.checkRules(t.Context()); soon != 3*b.rb.Metrics.Interval.Std() || e.holding("ranker") != "" {
			t.Errorf("after one look: again in %s, drift %q; want to look again soon, and none", soon, e.holding("ranker"))
		}
		for range 5 {
			time.Sleep(time.Minute)
			e.checkRules(t.Context())
		}
		if n := len(pagesOf(t, st, "rule_drift")); n != 1 {
			t.Errorf("%d pages, want 1", n)
		}
		if got := testutil.ToFloat64(e.metrics.drift.WithLabelValues("ranker")); got != 1 {
			t.Errorf("autorollback_rule_drift is %v", got)
		}
		inc := breaching(t, e, b, "errors")
		if inc.Decision.Guard != "rule_drift" || inc.Phase != record.Awaiting || !strings.Contains(inc.Breach.RulesDrift, "the expression differs") {
			t.Errorf("%s, decided %+v, breach knows %q; want it asked", inc.Phase, inc.Decision, inc.Breach.RulesDrift)
		}
		b.alter(nil)
		time.Sleep(time.Minute)
		e.checkRules(t.Context())
		if n := kindsIn(t, st, "rule_drift_ended"); n != 1 {
			t.Errorf("%d messages that it is over, want 1", n)
		}
		if inc = breaching(t, e, b, "errors"); inc.Phase != record.Acted {
			t.Errorf("with fixed rules it is %s (%s)", inc.Phase, inc.Decision.Guard)
		}
	})
}

// The drift of another trigger changes nothing for this one, nor does an alert that is not
// loaded, for the daemon asks by itself; but no traffic is promoted.
func TestDriftThatHoldsTheRampAlone(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(string, *promapi.Rule)
		says string
	}{
		"of another trigger": {edited("slo"), "the expression differs"},
		"its own alert lost": {lost("errors"), "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, _, b := ruled(t)
				b.alter(c.edit)
				e.checkRules(t.Context())
				time.Sleep(time.Minute)
				e.checkRules(t.Context())
				rel, err := e.Release(t.Context(), "ranker", "")
				must(t, err)
				if ready := e.ready(t.Context(), e.services["ranker"], rel); !strings.Contains(ready.RulesDrift, c.says) {
					t.Errorf("ready says %q", ready.RulesDrift)
				}
				if inc := breaching(t, e, b, "errors"); inc.Phase != record.Acted {
					t.Errorf("it is %s (%s: %v)", inc.Phase, inc.Decision.Guard, inc.Decision.Reasons)
				}
			})
		})
	}
}

// What is left out of many differences is as grave as the gravest of them.
func TestTheGravestDifferencesAreKept(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	var found []rules.Drift
	for range record.MaxRuleDiffs + 5 {
		found = append(found, rules.Drift{Kind: rules.Missing, Service: "ranker", What: "missing"}, rules.Drift{Kind: rules.Outdated, Service: "ranker", What: "outdated"})
	}
	old := record.RulesCheck{State: record.RulesDrifted, Drift: differences(rb, found)}
	if n := len(old.Drift); n != record.MaxRuleDiffs+1 || old.Concerns("errors") != "" || old.Drift[0].Text != "outdated" {
		t.Errorf("%d differences, the first %+v, of concern: %q", n, old.Drift[0], old.Concerns("errors"))
	}
	found = append(found, rules.Drift{Kind: rules.Edited, Service: "ranker", Trigger: "errors", What: "edited"})
	old.Drift = differences(rb, found)
	if got := old.Concerns("errors"); got != "edited" {
		t.Errorf("of concern: %q", got)
	}
}

// A Prometheus without the rules API is unknown and not drifted.
func TestRulesThatCannotBeAskedForAreUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, b := ruled(t)
		b.gone = errors.New("client error: 404")
		for range 30 {
			e.checkRules(t.Context())
			time.Sleep(time.Minute)
		}
		c := e.rulesChecks()[0]
		if c.State != record.RulesUnknown || !c.At.IsZero() || !strings.Contains(c.Problem, "404") {
			t.Errorf("it is %+v, want unknown", c)
		}
		if n := kindsIn(t, st, "rule_drift"); n != 0 {
			t.Errorf("%d messages", n)
		}
		if inc := breaching(t, e, b, "errors"); inc.Phase != record.Acted {
			t.Errorf("it is %s (%s)", inc.Phase, inc.Decision.Guard)
		}
	})
}

// A second replica tells nobody again; after a restart a drift on record counts at once.
func TestDriftIsToldOnceByAllReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, b := ruled(t)
		b.alter(edited("errors"))
		e.checkRules(t.Context())
		time.Sleep(11 * time.Minute) // another ten minutes' target
		e.checkRules(t.Context())
		other := engineOf(t, partsOf(st, b), b.rb, Options{Replica: "another"})
		other.checkRules(t.Context())
		if other.holding("ranker") == "" {
			t.Error("a drift on record does not count at once")
		}
		if n := kindsIn(t, st, "rule_drift"); n != 1 {
			t.Errorf("%d messages, want 1", n)
		}
		b.alter(nil)
		other.checkRules(t.Context())
		e.checkRules(t.Context())
		if n := kindsIn(t, st, "rule_drift_ended"); n != 1 || len(all[record.RulesCheck](t, st, store.RulesKey(""))) != 0 {
			t.Errorf("%d messages that it is over, want 1 and no record", n)
		}
	})
}

// Rules are compared every ten minutes; what differs for the first time is looked at again within
// a minute, and a drift in two minutes or so, until it is over.
func TestWhatDiffersIsLookedAtSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, b := ruled(t)
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- e.watchRules(ctx) }()
		looks := func(d time.Duration) int {
			b.mu.Lock()
			b.asked = nil
			b.mu.Unlock()
			time.Sleep(d)
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.asked)
		}
		synctest.Wait() // the first
		if n := looks(30 * time.Minute); n < 2 || n > 3 {
			t.Errorf("%d looks in half an hour at what is well", n)
		}
		b.alter(edited("errors"))
		for e.check("ranker").State != record.RulesSuspected {
			looks(time.Second)
		}
		if n := looks(time.Minute); n != 1 || e.check("ranker").State != record.RulesDrifted {
			t.Errorf("%d looks in the minute after a difference, and it is %s", n, e.check("ranker").State)
		}
		if n := looks(20 * time.Minute); n < 9 || n > 12 {
			t.Errorf("%d looks in 20 minutes of drift", n)
		}
		b.alter(nil)
		looks(3 * time.Minute)
		if state := e.check("ranker").State; state != record.RulesOneToOne {
			t.Errorf("corrected, it is %s", state)
		}
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

func TestCompared(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	edit := []rules.Drift{{Kind: rules.Edited, Service: "ranker", Trigger: "errors", What: "it differs"}}
	at := func(d time.Duration) time.Time { return fixture.Morning.Add(d) }
	is := func(state record.RulesState, d time.Duration) record.RulesCheck {
		return record.RulesCheck{Digest: rb.Digest, State: state, At: at(d), Since: at(d), Drift: []record.RuleDiff{{Text: "it differed"}}}
	}
	another := is(record.RulesDrifted, 0)
	another.Digest = "sha256:another"
	for _, c := range []struct {
		name     string
		before   record.RulesCheck
		found    []rules.Drift
		problem  error
		onRecord bool
		after    time.Duration
		want     record.RulesState
		old      time.Duration // what is known, at that time
	}{
		{"the first look, all well", record.RulesCheck{}, nil, nil, false, 0, record.RulesOneToOne, 0},
		{"the first look, a difference", record.RulesCheck{}, edit, nil, false, 0, record.RulesSuspected, 0},
		{"on record already", record.RulesCheck{}, edit, nil, true, 0, record.RulesDrifted, 0},
		{"suspected, and again too soon", is(record.RulesSuspected, 0), edit, nil, false, 2*rb.Metrics.Interval.Std() - 1, record.RulesSuspected, 0},
		{"suspected, and again", is(record.RulesSuspected, 0), edit, nil, false, 2 * rb.Metrics.Interval.Std(), record.RulesDrifted, 0},
		{"suspected, and the same answer is judged again", is(record.RulesSuspected, 0), edit, nil, false, time.Minute, record.RulesSuspected, time.Minute},
		{"suspected, and fixed", is(record.RulesSuspected, 0), nil, nil, false, time.Minute, record.RulesOneToOne, 0},
		{"suspected, and no answer", is(record.RulesSuspected, 0), nil, errors.New("404"), false, time.Minute, record.RulesUnknown, 0},
		{"drifted, and again", is(record.RulesDrifted, 0), edit, nil, false, time.Second, record.RulesDrifted, 0},
		{"drifted, and fixed", is(record.RulesDrifted, 0), nil, nil, true, time.Minute, record.RulesOneToOne, 0},
		{"drifted, and no answer", is(record.RulesDrifted, 0), nil, errors.New("404"), true, driftKept - 1, record.RulesDrifted, 0},
		{"drifted, and no answer for long", is(record.RulesDrifted, 0), nil, errors.New("404"), true, driftKept, record.RulesUnknown, 0},
		{"drifted from another text of the runbook", another, edit, nil, false, time.Hour, record.RulesSuspected, 0},
		{"another service's rules", record.RulesCheck{}, []rules.Drift{{Kind: rules.Extra, Service: "ads", Trigger: "errors"}}, nil, false, 0, record.RulesOneToOne, 0},
		{"no watchdog", is(record.RulesSuspected, 0), []rules.Drift{{Kind: rules.Missing, Trigger: watchdog}}, nil, false, time.Hour, record.RulesDrifted, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compared(c.before, rb, c.found, c.problem, c.onRecord, at(c.after-c.old), at(c.after)); got.State != c.want {
				t.Errorf("it is %s, want %s: %+v", got.State, c.want, got)
			}
		})
	}
}
