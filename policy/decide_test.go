package policy

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

var update = flag.Bool("update", false, "write the golden file anew")

var noon = time.Date(2025, 11, 19, 12, 0, 0, 0, time.UTC) // a Wednesday

// severe is an input that no guard objects to.
func severe() Input {
	return Input{
		Runbook: &runbook.Runbook{
			Service: "ranker",
			Triggers: []runbook.Trigger{
				{Name: "errors", Type: runbook.ErrorRate, Severity: runbook.Severe, Above: 0.01},
				{Name: "p95", Type: runbook.LatencyQuantile, Severity: runbook.Mild, Quantile: 0.95, Increase: 0.3},
				{Name: "kpi", Type: runbook.KPIDrop, Severity: runbook.Mild, KPI: "conversion", Drop: 0.02},
				{Name: "slo", Type: runbook.AbsoluteSLO, Severity: runbook.Page, Quantile: 0.99, Ceiling: runbook.Duration(2 * time.Second)},
			},
			LastKnownGood: runbook.LastKnownGood{MinPods: 3},
			Policy:        runbook.Policy{Mode: runbook.Active, Cooldown: runbook.Duration(time.Hour), MaxRollbacks: 2, MinCandidatePods: 2},
		},
		Breach: record.Breach{
			Trigger: "errors", State: record.Breaching, Value: 0.0731, StartedAt: noon.Add(-5 * time.Minute), AskedAt: noon.Add(-time.Second),
			CandidatePods: 2, StablePods: 3, StableRate: 95.04, CandidateRate: 5.1,
		},
		Release: record.Release{ID: "rel-7", Phase: record.Open, Weight: 5, Stable: record.Side{Version: "v1", Bundle: "sha256:aa"}, Candidate: record.Side{Version: "v2", Bundle: "sha256:bb"}},
	}
}

type bend struct {
	name   string
	do     func(*Input)
	action record.Action
	guard  string
	page   bool
}

// bends has one entry for each guard, in the documented order: what makes it object.
func bends() []bend {
	trigger := func(name string) func(*Input) { return func(in *Input) { in.Breach.Trigger = name } }
	state := func(s record.State, problem string) func(*Input) {
		return func(in *Input) { in.Breach.State, in.Breach.Problem = s, problem }
	}
	return []bend{
		{"trigger is not in the runbook", trigger("cosmic-rays"), record.Hold, GuardUnknownTrigger, true},
		{"Prometheus is away", state(record.Unreachable, "connection refused"), record.Hold, GuardUnreachable, true},
		{"no data", state(record.NoData, "the newest sample is 4 m old"), record.Hold, GuardBlind, true},
		{"not true now", state(record.NotBreaching, ""), record.Hold, GuardNotConfirmed, false},
		{"the store went back in time", func(in *Input) { in.WentBack = "Release rel-1 is open again, and was rolled_back." }, record.Hold, GuardWentBack, true},
		{"absolute limit", trigger("slo"), record.Freeze, GuardAbsoluteSLO, true},
		{"stable is sick as well", func(in *Input) { in.Breach.StableUnhealthy = true }, record.Freeze, GuardStableUnhealthy, true},
		{"already rolled back", func(in *Input) {
			in.Incident = &record.Incident{ID: "inc-1", ActedAt: noon.Add(-90 * time.Second)}
		}, record.Hold, GuardAlreadyActed, false},
		{"candidate has no share", func(in *Input) { in.Release.Weight = 0 }, record.Hold, GuardNothing, false},
		{"somebody else changed the split", func(in *Input) { in.ExternalChange = true }, record.Hold, GuardManualOverride, true},
		{"paused", func(in *Input) {
			in.Control = record.Control{Mode: runbook.Paused, By: "ada", Reason: "datacentre move", Until: noon.Add(40 * time.Minute)}
		}, record.Hold, GuardPaused, true},
		{"stable is quarantined", func(in *Input) { in.StableQuarantined = true }, record.Hold, GuardLKGQuarantined, true},
		{"stable has no pod", func(in *Input) { in.Breach.StablePods = 0 }, record.Hold, GuardLKGNotWarm, true},
		{"the router's keys cannot be written", func(in *Input) { in.Router = "read routes/ranker/weights: not JSON" }, record.Hold, GuardRouter, true},
		{"stable has too few pods", func(in *Input) { in.Breach.StablePods = min(in.Breach.StablePods, 2) }, record.Ask, GuardStandby, true},
		{"pause has run out", func(in *Input) {
			in.Control = record.Control{Mode: runbook.Paused, By: "ada", Until: noon.Add(-25 * time.Minute)}
		}, record.Ask, GuardPauseExpired, true},
		{"the rules are not ours", func(in *Input) { in.Breach.RulesDrift = "alert AutorollbackRankerErrors: the expression differs" }, record.Ask, GuardRuleDrift, true},
		{"nothing to compare with", func(in *Input) { in.Breach.StableRate = 0 }, record.Ask, GuardNoControl, true},
		{"one candidate pod", func(in *Input) { in.Breach.CandidatePods = 1 }, record.Ask, GuardFewPods, true},
		{"cool-down", func(in *Input) { in.Release.Rollbacks = []time.Time{noon.Add(-12 * time.Minute)} }, record.Ask, GuardCooldown, true},
		{"twice a day", func(in *Input) {
			in.Release.Rollbacks = []time.Time{noon.Add(-23 * time.Hour), noon.Add(-2 * time.Hour)}
		}, record.Ask, GuardDailyLimit, true},
		{"three an hour", func(in *Input) {
			in.Budget.Recent = []time.Time{noon.Add(-59 * time.Minute), noon.Add(-time.Minute), noon.Add(time.Second)}
		}, record.Ask, GuardBudget, true},
		{"outside the schedule", func(in *Input) { in.Runbook.Policy.Schedule = day("30 13 * * 1-5", "3h", "UTC") }, record.Ask, GuardSchedule, true},
		{"mild", func(in *Input) { in.Breach.Trigger, in.Breach.Value = "p95", 1.42 }, record.Ask, GuardMild, true},
	}
}

func TestEveryGuardObjects(t *testing.T) {
	d := Decide(severe(), noon)
	if d.Action != record.RollBack || d.Guard != GuardSevere || !d.At.Equal(noon) {
		t.Fatalf("no guard objects, and yet: %+v", d)
	}
	var named []string
	for _, b := range bends() {
		named = append(named, b.guard)
		t.Run(b.name, func(t *testing.T) {
			in := severe()
			b.do(&in)
			d := Decide(in, noon)
			if d.Action != b.action || d.Guard != b.guard || d.Page != b.page || d.Would != "" {
				t.Errorf("got %s by %s (page %t), want %s by %s (page %t): %q", d.Action, d.Guard, d.Page, b.action, b.guard, b.page, d.Reasons)
			}
			if d.Page != (len(d.Choices) > 0) {
				t.Errorf("page %t with the choices %q", d.Page, d.Choices)
			}
		})
	}
	var order []string
	for _, g := range guards() {
		order = append(order, g.name)
	}
	if !slices.Equal(named, order) {
		t.Errorf("the guards are %v, tested are %v", order, named)
	}
}

// Of any two guards the one that stands before decides.
// Where both sides are bad a rollback would not help, and none is offered, in observe mode neither.
func TestWhatWouldNotHelpIsNotOffered(t *testing.T) {
	for _, trigger := range []string{"errors", "slo"} {
		for _, mode := range []runbook.Mode{runbook.Active, runbook.Observe} {
			in := severe()
			in.Breach.Trigger, in.Breach.StableUnhealthy, in.Runbook.Policy.Mode = trigger, true, mode
			d := Decide(in, noon)
			if text := strings.Join(d.Choices, "\n"); strings.Contains(text, "rollback ranker") || !strings.Contains(text, "what both versions share") {
				t.Errorf("%s, %s: the choices are %q", trigger, mode, d.Choices)
			}
		}
	}
}

func TestPrecedence(t *testing.T) {
	all := bends()
	for i, first := range all {
		for _, second := range all[i+1:] {
			in, alone := severe(), severe()
			second.do(&in)
			first.do(&in)
			second.do(&alone)
			if in.Breach.Trigger != "errors" && alone.Breach.Trigger != "errors" || sameField(first.guard, second.guard) {
				continue // one field cannot be bent twice
			}
			if d := Decide(in, noon); d.Guard != first.guard {
				t.Errorf("%s and %s: %s decides", first.guard, second.guard, d.Guard)
			}
		}
	}
}

func sameField(a, b string) bool {
	for _, field := range [][]string{{GuardUnreachable, GuardBlind, GuardNotConfirmed}, {GuardPaused, GuardPauseExpired}, {GuardCooldown, GuardDailyLimit}} {
		if slices.Contains(field, a) && slices.Contains(field, b) {
			return true
		}
	}
	return false
}

func TestEdges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		bend   func(*Input)
		action record.Action
		guard  string
	}{
		{"cool-down just over", func(in *Input) { in.Release.Rollbacks = []time.Time{noon.Add(-time.Hour)} }, record.RollBack, GuardSevere},
		{"a rollback ahead of our clock", func(in *Input) { in.Release.Rollbacks = []time.Time{noon.Add(time.Minute)} }, record.Ask, GuardCooldown},
		{"one of two rollbacks is a day old", func(in *Input) {
			in.Release.Rollbacks = []time.Time{noon.Add(-24 * time.Hour), noon.Add(-2 * time.Hour)}
		}, record.RollBack, GuardSevere},
		{"two an hour", func(in *Input) {
			in.Budget.Recent = []time.Time{noon.Add(-time.Hour), noon.Add(-59 * time.Minute), noon}
		}, record.RollBack, GuardSevere},
		{"pause ends now", func(in *Input) { in.Control = record.Control{Mode: runbook.Paused, Until: noon} }, record.Ask, GuardPauseExpired},
		{"pause without end", func(in *Input) { in.Control = record.Control{Mode: runbook.Paused} }, record.Hold, GuardPaused},
		{"a control nobody knows", func(in *Input) { in.Control = record.Control{Mode: "pasued"} }, record.Hold, GuardPaused},
		{"an active control", func(in *Input) { in.Control = record.Control{Mode: runbook.Active} }, record.RollBack, GuardSevere},
		{"no mode at all observes", func(in *Input) { in.Runbook.Policy.Mode = "" }, record.Hold, GuardObserve},
		{"release is over", func(in *Input) { in.Release.Phase = record.RolledBack }, record.Hold, GuardNothing},
		{"stable needs a pod whatever the runbook says", func(in *Input) { in.Runbook.LastKnownGood.MinPods, in.Breach.StablePods = 0, 0 }, record.Hold, GuardLKGNotWarm},
		{"the label says severe, the runbook says mild", func(in *Input) { in.Breach.Trigger, in.Breach.Severity = "p95", runbook.Severe }, record.Ask, GuardMild},
		{"a state nobody knows", func(in *Input) { in.Breach.State = "perhaps" }, record.Hold, GuardNotConfirmed},
		{"inside the schedule", func(in *Input) { in.Runbook.Policy.Schedule = day("0 9 * * *", "8h", "") }, record.RollBack, GuardSevere},
		{"an incident that has not acted", func(in *Input) { in.Incident = &record.Incident{ID: "inc-1"} }, record.RollBack, GuardSevere},
		{"a severity nobody knows asks", func(in *Input) { in.Runbook.Triggers[0].Severity = "" }, record.Ask, GuardMild},
		{"severity page on a comparison freezes", func(in *Input) { in.Runbook.Triggers[0].Severity = runbook.Page }, record.Freeze, GuardAbsoluteSLO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := severe()
			tt.bend(&in)
			if d := Decide(in, noon); d.Action != tt.action || d.Guard != tt.guard {
				t.Errorf("got %s by %s, want %s by %s: %q", d.Action, d.Guard, tt.action, tt.guard, d.Reasons)
			}
		})
	}
}

func TestObserveSaysWhatActiveWouldDo(t *testing.T) {
	for name, observe := range map[string]func(*Input){
		"runbook": func(in *Input) { in.Runbook.Policy.Mode = runbook.Observe },
		"control": func(in *Input) { in.Control.Mode = runbook.Observe },
	} {
		for _, b := range append(bends(), bend{"severe", func(*Input) {}, record.RollBack, GuardSevere, true}) {
			if name == "control" && (b.guard == GuardPaused || b.guard == GuardPauseExpired) {
				continue // the control is one word
			}
			t.Run(name+"/"+b.name, func(t *testing.T) {
				in := severe()
				b.do(&in)
				active := Decide(in, noon)
				observe(&in)
				d := Decide(in, noon)
				switch {
				case active.Action == record.Hold && !reflect.DeepEqual(d, active):
					t.Errorf("a hold is a hold in every mode: %+v", d)
				case active.Action != record.Hold && (d.Action != record.Hold || d.Would != active.Action || d.Guard != GuardObserve || d.Page):
					t.Errorf("active would %s; observe says %+v", active.Action, d)
				}
			})
		}
	}
}

func TestHumanPassesEveryGuardButWhatCannotBeDone(t *testing.T) {
	for _, b := range bends() {
		t.Run(b.name, func(t *testing.T) {
			in := severe()
			b.do(&in)
			in.ByHuman = true
			d := Decide(in, noon)
			if b.guard == GuardNothing { // the release is still to be ended
				if d.Action != record.RollBack || d.Guard != GuardHuman || d.Page || !strings.Contains(d.Reasons[0], "the release ends") {
					t.Errorf("got %+v", d)
				}
				return
			}
			if b.guard == GuardRouter || b.guard == GuardManualOverride {
				if d.Action != record.Hold || d.Guard != b.guard {
					t.Errorf("got %s by %s", d.Action, d.Guard)
				}
				return
			}
			if d.Action != record.RollBack || d.Guard != GuardHuman || !strings.Contains(strings.Join(d.Reasons, "\n"), "Warning ("+b.guard+"): ") {
				t.Errorf("got %s by %s without a warning: %q", d.Action, d.Guard, d.Reasons)
			}
		})
	}
	t.Run("without a breach", func(t *testing.T) {
		for _, b := range []record.Breach{{}, {State: record.Breaching, Severity: runbook.Severe, AskedAt: noon}} {
			in := severe()
			in.Breach, in.ByHuman = b, true
			if d := Decide(in, noon); d.Action != record.RollBack || len(d.Reasons) != 1 {
				t.Errorf("Prometheus was not asked, and yet: %q", d.Reasons)
			}
		}
	})
}

func TestGoldenTexts(t *testing.T) {
	var b strings.Builder
	tell := func(name string, in Input) {
		d := Decide(in, noon)
		fmt.Fprintf(&b, "# %s\n%s by %s", name, d.Action, d.Guard)
		if d.Would != "" {
			fmt.Fprintf(&b, ", would %s", d.Would)
		}
		fmt.Fprintf(&b, ", page %t\n", d.Page)
		for _, r := range d.Reasons {
			fmt.Fprintf(&b, "- %s\n", r)
		}
		for _, c := range d.Choices {
			fmt.Fprintf(&b, "  choice: %s\n", c)
		}
		b.WriteByte('\n')
	}
	tell("severe", severe())
	for _, bd := range bends() {
		in := severe()
		bd.do(&in)
		tell(bd.name, in)
	}
	in := severe()
	in.Breach.Trigger, in.Breach.StableUnhealthy, in.Breach.Value = "slo", true, 3.217
	tell("absolute limit and stable is sick", in)
	in = severe()
	in.Breach.Trigger, in.Breach.Value = "kpi", 0.9655
	in.Release.Rollbacks = []time.Time{noon.Add(-12 * time.Minute), noon.Add(-3 * time.Hour)}
	in.Runbook.Policy.Mode = runbook.Observe
	tell("several questions, observed", in)
	in = severe()
	in.ExternalChange, in.Release.Held = true, &record.HumanHold{Since: noon.Add(-time.Hour), Want: record.Split{"a": 95, "b": 5}, Found: record.Split{"a": 50, "b": 50}}
	tell("held since", in)
	in = severe()
	in.ByHuman, in.Breach.StablePods, in.Control = true, 1, record.Control{Mode: runbook.Paused, By: "ada"}
	tell("human, with warnings", in)
	in = severe()
	in.Breach.State, in.Breach.Problem = record.Unreachable, "the significance is being rebuilt"
	in.Breach.Significance.Problem = in.Breach.Problem
	tell("significance not known yet", in)

	const file = "testdata/texts.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the texts have changed (go test -update writes them):\n%s", b.String())
	}
}

// The companion of a side without data is in no runbook, and is no stranger: it says that
// there is no data, or it says nothing. One that claims a number is not ours.
func TestTheCompanionIsNoStranger(t *testing.T) {
	for state, want := range map[record.State]string{
		record.NoData: GuardBlind, record.Unreachable: GuardUnreachable, record.NotBreaching: GuardNotConfirmed, record.Breaching: GuardUnknownTrigger,
	} {
		in := severe()
		in.Breach.Trigger, in.Breach.State = rules.BlindTrigger, state
		if d := Decide(in, noon); d.Action != record.Hold || d.Guard != want {
			t.Errorf("%s: %s by %s, want hold by %s", state, d.Action, d.Guard, want)
		}
	}
}
