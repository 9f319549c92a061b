package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
)

// told is what is said in words.
func told(w view.Why) string {
	var text []string
	for _, s := range report.Why(w) {
		text = append(text, s.Title)
		text = append(text, s.Lines...)
	}
	return strings.Join(text, "\n")
}

func (h heardBy) why(t *testing.T, name, trigger string) (view.Why, string) {
	t.Helper()
	w, err := h.Why(t.Context(), name, trigger)
	must(t, err)
	return w, told(w)
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("it does not say %q:\n%s", p, text)
		}
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// Whatever an alert came to, somebody who asks is told.
func TestWhyItDidNotRollBack(t *testing.T) {
	alert := fixture.Alert("errors", record.Webhook)
	for name, c := range map[string]struct {
		world func(heardBy)
		alert func(*record.Alert)
		says  []string
	}{
		"no alert came": {nil, nil, []string{"No alert was received since", "errors: armed; not true now: error rate", "(limit 5 %); significance 3 (1 is proved)"}},
		"not true":      {nil, func(*record.Alert) {}, []string{"errors by webhook: not true now; error rate", "hold (not_confirmed)"}},
		"too little to be sure": {func(h heardBy) {
			h.f.breaking["errors"] = true
			h.monitor.(*proofs).say("errors", record.Significance{At: time.Now(), Value: .25})
		}, func(*record.Alert) {}, []string{"not true now; error rate", "significance 0.25 (1 is proved)"}},
		"no data":       {func(h heardBy) { h.f.silent = map[string]bool{"errors": true} }, func(*record.Alert) {}, []string{"no data: neither good nor bad", "hold (blind)", "errors: armed; no data: "}},
		"Prometheus":    {func(h heardBy) { h.f.down = true }, func(*record.Alert) {}, []string{"errors by webhook: not confirmed: ", "hold (unreachable)"}},
		"no trigger":    {nil, func(a *record.Alert) { a.Trigger = "cosmic-rays" }, []string{"cosmic-rays by webhook: the runbook has no such trigger", "hold (unknown_trigger)"}},
		"another place": {nil, func(a *record.Alert) { a.Region = "mars" }, []string{"errors by webhook in mars: the runbook has no such region"}},
		"over": {func(h heardBy) {
			if _, err := h.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
				t.Fatal(err)
			}
		}, func(*record.Alert) {}, []string{"No release is open, so no trigger can roll anything back.", "errors by webhook: no release is open", "is rolled back since"}},
		"nobody compared": {func(h heardBy) {
			if _, err := h.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
				t.Fatal(err)
			}
			h.keepCheck(record.RulesCheck{Service: "ranker", State: record.RulesUnknown, Problem: "it does not answer"})
		}, nil, []string{"errors: not known whether it is armed.", "Their rules could not be compared: it does not answer."}},
		"paused": {func(h heardBy) {
			must(t, h.SetControl(t.Context(), record.Control{Mode: "paused", By: "bob", Reason: "network", Until: time.Now().Add(time.Hour)}, "", fixture.By("bob")))
			h.f.breaking["errors"] = true
		}, func(*record.Alert) {}, []string{"Automation is set to paused by bob (network) until", "errors by webhook: confirmed", "hold (paused), inc-"}},
		"off": {func(h heardBy) {
			rb, _ := h.Runbook("ranker")
			h.keepCheck(record.RulesCheck{Service: "ranker", Digest: rb.Digest, State: record.RulesDrifted, At: time.Now(), Drift: []record.RuleDiff{
				{Kind: "series", Trigger: "errors", Text: "Prometheus has no series requests", Fix: "correct the name"}}})
		}, nil, []string{"errors cannot fire: Prometheus has no series requests; correct the name.", "errors: off (Prometheus has no series requests; correct the name)"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := listening(t)
			if c.world != nil {
				c.world(h)
			}
			if c.alert != nil {
				a := alert
				c.alert(&a)
				must(t, hears(t, h.Engine, a))
			}
			w, text := h.why(t, "ranker", "")
			wants(t, text, append(c.says, "Replica replica knows each alert that it received since")...)
			if len(w.Alerts) > 1 || (len(w.Alerts) == 1) != (c.alert != nil) || len(w.Triggers) == 0 {
				t.Errorf("alerts %+v, triggers %+v", w.Alerts, w.Triggers)
			}
		})
	}
	h := listening(t)
	for unknown, there := range map[[2]string]string{{"nobody", ""}: "services here: ranker", {"ranker", "cosmic-rays"}: "it has errors,",
		{"inc-0123456789ab", ""}: "services here: ranker"} {
		if _, err := h.Why(t.Context(), unknown[0], unknown[1]); err == nil || !strings.Contains(err.Error(), there) {
			t.Errorf("%q: %v, without %q", unknown, err, there)
		}
	}
}

// An incident's decision comes out again; one whose inputs were changed does not.
func TestWhyItRolledBack(t *testing.T) {
	h := listening(t)
	h.f.breaking["errors"] = true
	must(t, hears(t, h.Engine, fixture.Alert("errors", record.Webhook)))
	i := incidentOf(t, h.st)
	w, text := h.why(t, i.ID, "")
	if w.Disagrees() || len(w.Rechecks) != 2 || !w.Rechecks[1].Agrees {
		t.Errorf("computed again: %+v", w.Rechecks)
	}
	wants(t, text, i.ID+": roll back (guard severe)", "errors by webhook, firing since", "errors at ", "breaching: error rate", "(limit 5 %)",
		"significance 3 (1 is proved)", "Decision: agrees. The same inputs give the same decision again: rollback (severe).", "Significance: not known.", "Candidate: ")
	if _, text := h.why(t, "ranker", "errors"); !strings.Contains(text, i.ID+": errors, roll back (severe)") {
		t.Errorf("the service does not tell of %s:\n%s", i.ID, text)
	}
	if w, _ := h.why(t, "ranker", "slow"); len(w.Incidents)+len(w.Alerts) != 0 || len(w.Triggers) != 1 && len(w.Triggers) != 0 {
		t.Errorf("of another trigger it tells %+v", w)
	}
	i.Inputs.Breach.CandidatePods = 1
	must(t, put(h.st, store.IncidentKey(i.ID), encoded(t, i)))
	w, text = h.why(t, i.ID, "")
	if !w.Disagrees() {
		t.Errorf("with other inputs it agrees: %+v", w.Rechecks)
	}
	wants(t, text, "Decision: DISAGREES. It was decided rollback (severe), and the same inputs now give ask (few_pods).")
	i.Inputs = nil
	must(t, put(h.st, store.IncidentKey(i.ID), encoded(t, i)))
	if w, text = h.why(t, i.ID, ""); w.Disagrees() || !strings.Contains(text, "Decision: not known.") {
		t.Errorf("without inputs: %s", text)
	}
}

// Counts that cannot be read do not agree; those that are not here say nothing.
func TestWhyReadsTheCounts(t *testing.T) {
	f := &folder{stages: map[string]map[string][]byte{"after": {}}}
	e, _, _ := solo(t, func(p *Parts) { p.Archive = f })
	inc := record.Incident{ID: "inc-1", Evidence: "incidents/inc-1", Breach: record.Breach{Trigger: "errors", Significance: record.Significance{At: fixture.Morning, Value: 2}}}
	if r := e.recheck(inc); r.Known || !strings.Contains(r.Text, "incidents/inc-1") {
		t.Errorf("without counts: %+v", r)
	}
	f.stages["after"][monitor.RecordName] = []byte("no gzip")
	if r := e.recheck(inc); !r.Known || r.Agrees {
		t.Errorf("with broken counts: %+v", r)
	}
	inc.Breach.Significance = record.Significance{}
	if r := e.recheck(inc); r.Known {
		t.Errorf("without significance: %+v", r)
	}
}

// The companion's alert names each trigger that cannot judge.
func TestBlindNamesTheDead(t *testing.T) {
	h := listening(t)
	h.f.silent = map[string]bool{"errors": true, "slowish": true} // slow and slowish put the same question
	rb, _ := h.Runbook("ranker")
	h.keepCheck(record.RulesCheck{Service: "ranker", Digest: rb.Digest, State: record.RulesDrifted, At: time.Now(), Drift: []record.RuleDiff{
		{Kind: "matcher", Trigger: "slo", Text: "nothing is selected"}}})
	must(t, hears(t, h.Engine, fixture.Alert(blind, record.Webhook)))
	w, text := h.why(t, "ranker", "")
	if got := fmt.Sprint(w.Alerts[0].Outcome, w.Alerts[0].Dead); got != "blind[errors slow slowish slo]" {
		t.Errorf("came to %s", got)
	}
	wants(t, text, "blind: errors, slow, slowish, slo cannot judge the release", "hold (blind)")
	if i := incidentOf(t, h.st); !strings.Contains(i.Decision.Reasons[0], "errors: one side has no data for this trigger; no data for slow and slowish either") || h.pages(t) != 1 {
		t.Errorf("%d pages, because of %q", h.pages(t), i.Decision.Reasons)
	}
	if w, _ := h.why(t, "ranker", "slowish"); len(w.Alerts) != 1 {
		t.Errorf("of the dead trigger it tells %+v", w.Alerts)
	}
}

// The trail is bounded, says how far back it is whole, and counts what repeats as one.
func TestTheTrailIsBounded(t *testing.T) {
	var tr trail
	tr.lists, tr.since = map[string]*kept{}, fixture.Morning
	at := fixture.Morning
	add := func(trigger string) {
		at = at.Add(time.Second)
		tr.add("ranker", record.AlertResult{At: at, Count: 1, Service: "ranker", Trigger: trigger, Outcome: record.NotTrue})
	}
	for n := range 3 * mostKept {
		add("errors")
		if n%2 == 0 {
			add("slow")
		}
	}
	got, since := tr.of("ranker", at)
	if len(got) != 2 || got[0].Count+got[1].Count != 9*mostKept/2 || !since.Equal(fixture.Morning) {
		t.Errorf("kept %d, of %+v, since %s", len(got), got, since)
	}
	for n := range mostKept {
		add(fmt.Sprintf("t%d", n))
	}
	got, since = tr.of("ranker", at)
	if len(got) != mostKept || got[0].Trigger != fmt.Sprintf("t%d", mostKept-1) || !since.After(fixture.Morning) {
		t.Errorf("kept %d, since %s", len(got), since)
	}
	if got, since = tr.of("ranker", at.Add(TrailKept+time.Hour)); len(got) != 0 || !since.Equal(at.Add(time.Hour)) {
		t.Errorf("after a week: kept %d, since %s", len(got), since)
	}
}

// After a restart the trail is what the journal remembers.
func TestTheTrailOutlivesARestart(t *testing.T) {
	var mu sync.Mutex
	var lines []record.AlertResult
	keep := func(p *Parts) {
		p.Past = lines
		p.Journal = journals(func(_ string, r record.Record) error {
			mu.Lock()
			defer mu.Unlock()
			if r.Kind == record.AlertKind {
				lines = append(lines, *r.Alert)
			}
			return nil
		})
	}
	e, _, _ := solo(t, keep)
	nobody := fixture.Alert("errors", record.Webhook)
	nobody.Service = "nobody"
	for range 3 {
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook), nobody))
	}
	if len(lines) != 2 {
		t.Fatalf("wrote %+v", lines)
	}
	e, _, _ = solo(t, keep)
	w, err := e.Why(t.Context(), "ranker", "")
	must(t, err)
	if len(w.Alerts) != 1 || w.Alerts[0].Outcome != record.NotTrue || w.Since.After(w.Alerts[0].At) {
		t.Errorf("remembers %+v since %s", w.Alerts, w.Since)
	}
	st, err := e.Status(t.Context())
	must(t, err)
	if len(st.Alerts) != 2 {
		t.Errorf("status shows %+v", st.Alerts)
	}
}

// What a body says about when an alert began is within the life of the release.
func TestTimesAreClamped(t *testing.T) {
	began, received := fixture.Morning, fixture.Morning.Add(time.Hour)
	rel := record.Release{StartedAt: began}
	for name, c := range map[string]struct{ at, want time.Time }{
		"within":             {began.Add(time.Minute), began.Add(time.Minute)},
		"zero":               {time.Time{}, received},
		"before the release": {began.Add(-time.Hour), began},
		"a century ago":      {began.AddDate(-100, 0, 0), began},
		"in the future":      {received.Add(time.Hour), received},
	} {
		if got := clampStart(record.Alert{StartsAt: c.at, ReceivedAt: received}, rel); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	h := listening(t)
	h.f.breaking["errors"] = true
	a := fixture.Alert("errors", record.Webhook)
	a.StartsAt, a.ReceivedAt = time.Unix(0, 0), time.Now()
	must(t, hears(t, h.Engine, a))
	if i := incidentOf(t, h.st); i.Alerts[0].StartsAt.Year() < 2000 || i.Breach.StartedAt.Year() < 2000 {
		t.Errorf("the breach began %s, the alert %s", i.Breach.StartedAt, i.Alerts[0].StartsAt)
	}
}
