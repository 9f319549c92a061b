package demo

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
	"github.com/autorollback/autorollback/test/fixture"
)

// ready is a template as a team would arm it: its own triggers and windows, on the
// router of the demo.
func ready(t *testing.T, kind string, changes ...string) *runbook.Runbook {
	t.Helper()
	text, err := templates.New(kind, "ranker")
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{"mode: observe", "mode: active", "promote: ask", "promote: manual"}, changes...)
	for i := 0; i < len(all); i += 2 {
		if !strings.Contains(string(text), all[i]) {
			t.Fatalf("the template %s has no %q any more", kind, all[i])
		}
	}
	rb, err := runbook.Parse(kind+".yaml", []byte(strings.NewReplacer(all...).Replace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

var onJSON = []string{"  router: traefik               #", "  router: json #", "  root: traefik      ", "  key: routes/ranker/weights #", "  service: \"ranker\"  ", "  # "}

func (v *virtual) start(weight runbook.Weight) record.Release {
	v.t.Helper()
	l, err := runbook.ParseLaunch("release.yaml", Release)
	v.must(err)
	l.Weight = weight
	rel, err := v.engine.Start(v.t.Context(), l, fixture.By("alice"))
	v.must(err)
	return rel
}

// A canary at 5 %. P95 rises by 40 % and stays there: within six minutes all traffic is
// back, the candidate's image and features are frozen, an incident is open with its page,
// the follow-up is drafted, and recovery is proved.
func TestWorkedCanaryP95(t *testing.T) {
	t.Parallel()
	rb := ready(t, "canary", onJSON...)
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, rb, newFleet(200, 3, 2))
		defer v.stop()
		time.Sleep(8 * time.Minute)
		rel := v.start(5)
		time.Sleep(10 * time.Minute)
		if got := v.release(); got.Weight != 5 || got.Incident != "" {
			t.Fatalf("a good canary has %v %% and incident %q", got.Weight, got.Incident)
		}
		v.fleet.behave("v2", func(b *Behaviour) { b.Latency = b.Latency * 14 / 10 })
		acted := v.until("the rollback", 6*time.Minute, func() bool { return v.release().Phase == record.RolledBack })
		inc := v.ended(15 * time.Minute)
		t.Logf("rolled back %s after the first slow answer; %s", acted, inc.Verdict.Reason)

		if inc.Breach.Trigger != "latency-p95" || inc.Verdict.Outcome != record.Recovered {
			t.Errorf("trigger %s, verdict %+v", inc.Breach.Trigger, inc.Verdict)
		}
		if got := v.splits[len(v.splits)-1]; !got.Equal(record.Split{"ranker-v1": 100}) || len(v.splits) != 3 {
			t.Errorf("the splits were %v, want 100/0, 95/5, 100/0", v.splits)
		}
		if took := inc.Verdict.At.Sub(inc.ActedAt); took > 10*time.Minute {
			t.Errorf("recovery took %s", took)
		}
		v.frozen(rel, inc)
		v.began(inc, 90*time.Second)
		v.told(inc, record.Slow)
		v.has(v.read(inc, "incident.md"), "Follow-up", "Hold a blameless review and write down what the triggers saw first.", "latency-p95")
		if problems := audit.Check(v.dir + "/incidents/" + inc.ID).Problems; len(problems) > 0 {
			t.Errorf("the evidence is not whole: %v", problems)
		}
	})
}

// frozen: the candidate's bundle is kept with its image and its features, and cannot
// start again.
func (v *virtual) frozen(rel record.Release, inc record.Incident) {
	v.t.Helper()
	l, err := runbook.ParseLaunch("release.yaml", Release)
	v.must(err)
	b := l.Candidate.Bundle
	v.has(v.read(inc, "before/bundle-candidate.json"), b.Model.Image, b.Features.Encoder, b.Features.Pipeline)
	if l.Weight = 5; rel.Candidate.Bundle != b.Digest() {
		v.t.Errorf("the release names %s, the evidence is of %s", rel.Candidate.Bundle, b.Digest())
	}
	if _, err := v.engine.Start(v.t.Context(), l, fixture.By("alice")); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "quarantine") {
		v.t.Errorf("the same bundle may start again: %v", err)
	}
}

// Green with encoder v5 costs 3 % of the conversions. Ten minutes of the traffic that
// the plan asks for prove it: blue with encoder v4 has all traffic and green's flags are
// off in one transaction, and no model ever worked on another one's features.
func TestWorkedEncoderKPI(t *testing.T) {
	t.Parallel()
	rb := green(t)
	rate, can := rateFor(t, rb, 50, 10*time.Minute)
	if !can {
		t.Fatal("no traffic proves the drop that the runbook names")
	}
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, rb, newFleet(rate, 4, 4))
		defer v.stop()
		time.Sleep(8 * time.Minute)
		v.start(0)
		time.Sleep(2 * time.Minute)
		if _, err := v.engine.Flip(t.Context(), "ranker", "", fixture.By("alice")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Minute)
		if got := v.release(); got.Weight != 50 || got.Incident != "" {
			t.Fatalf("a good green has %v %% and incident %q", got.Weight, got.Incident)
		}
		v.fleet.behave("v2", func(b *Behaviour) { b.Conversion *= 0.97 })
		acted := v.until("the rollback", 20*time.Minute, func() bool { return v.release().Phase == record.RolledBack })
		inc := v.ended(15 * time.Minute)
		t.Logf("at %.0f requests/s: rolled back %s after the drop; %s; %s", rate, acted, SayPairs(v.fleet.pairs), inc.Verdict.Reason)

		if inc.Breach.Trigger != "conversion-drop" || inc.Verdict.Outcome != record.Recovered {
			t.Errorf("trigger %s, verdict %+v", inc.Breach.Trigger, inc.Verdict)
		}
		if len(v.splits) != 3 || !v.splits[2].Equal(record.Split{"ranker-v1": 100}) {
			t.Errorf("the splits were %v, want 100/0, 50/50, 100/0", v.splits)
		}
		v.began(inc, 10*time.Minute)
		v.told(inc, record.Missed)
		green, blue := false, false
		for _, k := range inc.Change.Keys {
			green = green || strings.HasSuffix(k.Key, "/v2") && strings.Contains(k.To, `"serving":false,"quarantined":true`)
			blue = blue || k.Key == rb.Routing.Key
		}
		if !green || !blue {
			t.Errorf("the one transaction changed %+v; want the weights and green's flags", inc.Change.Keys)
		}
		v.fleet.mu.Lock()
		defer v.fleet.mu.Unlock()
		if len(v.mixed) > 0 || len(v.fleet.pairs) != 2 || v.fleet.pairs[Pair{"v1", "v4"}] == 0 || v.fleet.pairs[Pair{"v2", "v5"}] == 0 {
			t.Errorf("pairs served: %s; mixed states %v", SayPairs(v.fleet.pairs), v.mixed)
		}
	})
}

// green is the blue and green template, whose drop is 2 %, with an equal share for both
// and a window of ten minutes.
func green(t *testing.T) *runbook.Runbook {
	t.Helper()
	return ready(t, "bluegreen", "for: 15m", "for: 10m", "holdback: 5 ", "holdback: 50 ", "min_pods: 4", "min_pods: 3")
}

// rateFor is the least traffic at which the plan says that the drop of the trigger is
// proved in time; false if none is.
func rateFor(t *testing.T, rb *runbook.Runbook, weight runbook.Weight, within time.Duration) (float64, bool) {
	t.Helper()
	traffic := plan.Traffic{KPIs: map[string]plan.Baseline{"conversion": {Rate: 0.3, Trials: 1}}, StablePods: 4, CandidatePods: 4}
	for traffic.Rate = 50; traffic.Rate < 1e5; traffic.Rate *= 1.2 {
		p, err := plan.New(rb, traffic, []plan.Step{{Weight: weight, For: runbook.Duration(time.Hour)}})
		if err != nil {
			t.Fatal(err)
		}
		if need, can := p.Decides("conversion-drop", weight); can && need <= within {
			return traffic.Rate, true
		}
	}
	return 0, false
}
