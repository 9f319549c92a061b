package plan

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/golden"
)

func TestGoldenPlan(t *testing.T) {
	fromFlag := map[string]string{"rate": "flag"}
	for name, p := range map[string]Plan{
		"canary-10":    mustPlan(t, example(t), Traffic{Rate: 10, Sources: fromFlag}),
		"canary-400":   mustPlan(t, example(t), Traffic{Rate: 400, CandidatePods: 3, StablePods: 9, Sources: fromFlag}),
		"bluegreen-50": mustPlan(t, example(t), Traffic{Rate: 50, Sources: fromFlag}, Step{100, dur(time.Hour)}),
	} {
		var text bytes.Buffer
		if err := p.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, name+".txt", text.Bytes())
		asJSON, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, name+".json", append(asJSON, '\n'))
	}
}

func TestPlanRefuses(t *testing.T) {
	ten := dur(10 * time.Minute)
	for name, c := range map[string]struct {
		rate  float64
		steps []Step
	}{
		"no rate":       {0, DefaultSteps()},
		"NaN":           {math.NaN(), DefaultSteps()},
		"no steps":      {1, nil},
		"weight 0":      {1, []Step{{0, ten}}},
		"weight 101":    {1, []Step{{101, ten}}},
		"no time":       {1, []Step{{1, 0}}},
		"going down":    {1, []Step{{5, ten}, {1, ten}}},
		"the same step": {1, []Step{{5, ten}, {5, ten}}},
	} {
		if p, err := New(ranker(), Traffic{Rate: c.rate}, c.steps); err == nil {
			t.Errorf("%s: %+v", name, p.Steps)
		}
	}
	for _, text := range []string{"", "1,x", "5,1", "0,5", "1,,5"} {
		if s, err := ParseSteps(text, ten); err == nil {
			t.Errorf("steps %q are %v", text, s)
		}
	}
	if s, err := ParseSteps("1%, 5,100", ten); err != nil || len(s) != 3 || s[0].Weight != 1 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestStepsOfTheRollout(t *testing.T) {
	rb := ranker()
	if got := StepsOf(rb); len(got) != 5 {
		t.Errorf("without a rollout: %v", got)
	}
	rb.Rollout = &runbook.Rollout{Strategy: runbook.BlueGreen, Holdback: 5, Bake: dur(24 * time.Hour)}
	steps := StepsOf(rb)
	if len(steps) != 2 || steps[0] != (Step{95, dur(24 * time.Hour)}) || steps[1] != (Step{Weight: 100}) {
		t.Fatalf("blue and green: %v", steps)
	}
	if need, can := mustPlan(t, rb, Traffic{Rate: 20}, steps...).Decides("error-rate", 95); !can {
		t.Errorf("the holdback of 5%% decides nothing: needs %s", need)
	}
}

func TestDecides(t *testing.T) {
	p := mustPlan(t, ranker(), Traffic{Rate: 8, StablePods: 6})
	for _, c := range []struct {
		trigger string
		weight  runbook.Weight
		can     bool
	}{
		{"error-rate", 1, false}, {"error-rate", 5, false}, {"error-rate", 25, true}, {"error-rate", 50, true},
		{"error-rate", 100, false}, // nothing to compare with
		{"error-rate", 40, true},   // not planned
		{"error-rate", 0, false}, {"error-rate", 101, false}, {"error-rate", -1, false},
		{"conversion-drop", 25, false}, {"conversion-drop", 50, false},
		{"users-see-errors", 1, true}, {"users-see-errors", 100, true},
		{"none", 25, false},
	} {
		if need, can := p.Decides(c.trigger, c.weight); can != c.can || can && need <= 0 {
			t.Errorf("%s at %v%%: needs %s, can %v", c.trigger, c.weight, need, can)
		}
	}
	if _, can := (Plan{}).Decides("error-rate", 25); can {
		t.Error("an empty plan decides")
	}
	lower, _ := p.Decides("error-rate", 25)
	if higher, _ := p.Decides("error-rate", 50); higher > lower {
		t.Errorf("50%% needs %s, 25%% only %s", higher, lower)
	}
}

// More traffic, a larger effect and fewer triggers never take longer.
func TestNeedFallsWithTrafficAndEffect(t *testing.T) {
	need := func(change func(*runbook.Runbook, *Traffic)) time.Duration {
		rb, traffic := ranker(), Traffic{Rate: 20}
		change(rb, &traffic)
		d, _ := mustPlan(t, rb, traffic, Step{25, dur(time.Hour)}).Decides("error-rate", 25)
		return d
	}
	usual := need(func(*runbook.Runbook, *Traffic) {})
	for name, shorter := range map[string]time.Duration{
		"traffic":        need(func(_ *runbook.Runbook, t *Traffic) { t.Rate = 60 }),
		"effect":         need(func(rb *runbook.Runbook, _ *Traffic) { rb.Triggers[1].Above = 0.2 }),
		"fewer triggers": need(func(rb *runbook.Runbook, _ *Traffic) { rb.Triggers = rb.Triggers[1:2] }),
		"more pods":      need(func(_ *runbook.Runbook, t *Traffic) { t.CandidatePods = 6 }),
	} {
		if shorter <= 0 || shorter > usual {
			t.Errorf("%s: %s instead of %s", name, shorter, usual)
		}
	}
	if longer := need(func(_ *runbook.Runbook, t *Traffic) { t.StablePods = 2 }); longer <= usual {
		t.Errorf("two stable pods need %s, not more than %s", longer, usual)
	}
}

// What a fix says must fix.
func TestMendsMend(t *testing.T) {
	rb := ranker()
	rb.Triggers = rb.Triggers[:2]
	broken := mustPlan(t, rb, Traffic{Rate: 0.8})
	for i, tr := range broken.Triggers {
		if tr.Error == "" || tr.Smallest == "" {
			t.Fatalf("%s can be proved at 0.8 requests/s, or nothing can: %+v", tr.Trigger, tr)
		}
		for name, rate := range map[string]float64{"enough": broken.enough(rb.Triggers[i]), "too little": 0.9 * broken.enough(rb.Triggers[i])} {
			fixed := mustPlan(t, rb, Traffic{Rate: rate}).Triggers[i]
			if got := fixed.Error == ""; got != (name == "enough") {
				t.Errorf("%s at %.3g requests/s (%s): %q", tr.Trigger, rate, name, fixed.Error)
			}
		}
		field, value, _ := strings.Cut(tr.Smallest, ": ")
		r, err := runbook.ParseRatio(value)
		if err != nil {
			t.Fatal(err)
		}
		larger := ranker()
		larger.Triggers = larger.Triggers[:2]
		if field == "increase" {
			larger.Triggers[i].Increase = r
		} else {
			larger.Triggers[i].Above = r
		}
		if again := mustPlan(t, larger, Traffic{Rate: 0.8}).Triggers[i]; again.Error != "" {
			t.Errorf("%s with %s: %s", tr.Trigger, tr.Smallest, again.Error)
		}
	}
}

func TestNeverIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*runbook.Runbook)
		steps  []Step
		at     int
		want   string
	}{
		"no control":           {func(*runbook.Runbook) {}, []Step{{100, dur(time.Hour)}}, 1, "holdback"},
		"ceiling over buckets": {func(rb *runbook.Runbook) { rb.Triggers[4].Ceiling = dur(3 * time.Second) }, nil, 4, "bucket above the ceiling"},
		"too few requests":     {func(rb *runbook.Runbook) { rb.Verification.MinRequests = 1e6 }, nil, 3, "`for: "},
		"histogram too short":  {func(rb *runbook.Runbook) { rb.Metrics.Latency.Buckets = []float64{0.001, 0.002} }, nil, 0, "remove the trigger"},
		"pod guard":            {func(*runbook.Runbook) {}, nil, 2, "`drop: "},
	} {
		rb := ranker()
		c.change(rb)
		p := mustPlan(t, rb, Traffic{Rate: 1000}, c.steps...)
		if tr := p.Triggers[c.at]; tr.Error == "" || !strings.Contains(tr.Fix, c.want) || p.Errors() == 0 {
			t.Errorf("%s: error %q, fix %q", name, tr.Error, tr.Fix)
		}
	}
}

func TestLagIsASum(t *testing.T) {
	p := mustPlan(t, ranker(), Traffic{Rate: 10, Scrape: dur(20 * time.Second)})
	l := p.Triggers[0].Lag
	want := "20s scrape interval + 15s interval that the daemon counts + 2s its wait for late scrapes + 5s scrape of the daemon + 15s evaluation interval + 5m window of the effect + 0s Alertmanager group_wait = 5m57s"
	if l.String() != want || l.Rest != dur(57*time.Second) {
		t.Errorf("%s, rest %s", l, l.Rest)
	}
	route, err := rules.Route("http://127.0.0.1:8080", "/etc/token")
	if err != nil || !bytes.Contains(route, []byte("group_wait: 0s")) {
		t.Errorf("the generated route waits; so must the plan: %v\n%s", err, route)
	}
}
