package policy

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// drawInput bends a severe input by any subset of what guards object to.
func drawInput(t *rapid.T) Input {
	in := severe()
	for _, b := range bends() {
		if rapid.IntRange(0, 4).Draw(t, b.name) == 0 {
			b.do(&in)
		}
	}
	in.Runbook.Policy.Mode = rapid.SampledFrom([]runbook.Mode{runbook.Active, runbook.Active, runbook.Active, runbook.Observe, ""}).Draw(t, "mode")
	if rapid.IntRange(0, 3).Draw(t, "control") == 0 {
		in.Control.Mode = rapid.SampledFrom([]runbook.Mode{runbook.Active, runbook.Observe, runbook.Paused, "", "stop"}).Draw(t, "control mode")
	}
	in.Breach.Severity = rapid.SampledFrom([]runbook.Severity{runbook.Severe, runbook.Mild, ""}).Draw(t, "label")
	return in
}

func drawNow(t *rapid.T) time.Time {
	return noon.Add(time.Duration(rapid.IntRange(-3600*30, 3600*30).Draw(t, "now")) * time.Second)
}

func TestAutomationNeverRollsBackWhereItMustNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, now := drawInput(t), drawNow(t)
		d := Decide(in, now)
		if len(d.Reasons) == 0 || d.Reasons[0] == "" || d.Guard == "" || !d.At.Equal(now) {
			t.Fatalf("a decision without a reason: %+v", d)
		}
		if !reflect.DeepEqual(d, Decide(in, now)) {
			t.Fatal("the same input gives another decision")
		}
		if (d.Guard == GuardObserve) != (d.Would != "") || d.Would == record.Hold {
			t.Fatalf("guard %s, would %q", d.Guard, d.Would)
		}
		if d.Action != record.RollBack {
			return
		}
		trigger, _ := in.Runbook.Trigger(in.Breach.Trigger)
		for what, is := range map[string]bool{
			"observed":        in.Runbook.Policy.Mode != runbook.Active,
			"not active":      in.Control.Mode != "" && in.Control.Mode != runbook.Active,
			"not breaching":   in.Breach.State != record.Breaching,
			"external_change": in.ExternalChange,
			"not writable":    in.Router != "",
			"quarantined":     in.StableQuarantined,
			"not severe":      trigger.Severity != runbook.Severe,
			"sick":            in.Breach.StableUnhealthy,
			"over budget":     in.Budget.Spent(now) >= record.BudgetPerHour,
			"acted":           in.Incident != nil,
			"nothing to do":   in.Release.Weight == 0,
			"not warm":        in.Breach.StablePods < 3,
			"few pods":        in.Breach.CandidatePods < 2,
			"not compared":    in.Breach.StableRate == 0,
			"in a cool-down":  len(in.Release.Rollbacks) > 0 && now.Sub(latest(in.Release.Rollbacks)) < time.Hour,
		} {
			if is {
				t.Fatalf("rolls back although %s", what)
			}
		}
	})
}

func TestHumanCanRollBackInEveryMode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, now := drawInput(t), drawNow(t)
		in.ByHuman = true
		d := Decide(in, now)
		possible := !in.ExternalChange && in.Router == ""
		if possible != (d.Action == record.RollBack) || len(d.Reasons) == 0 || !reflect.DeepEqual(d, Decide(in, now)) {
			t.Fatalf("possible %t, decided %+v", possible, d)
		}
	})
}

// Whatever the state of everything else, a decision leaves its input alone.
func TestDecideChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, now := drawInput(t), drawNow(t)
		before := *in.Runbook
		rollbacks := append([]time.Time(nil), in.Release.Rollbacks...)
		Decide(in, now)
		if !reflect.DeepEqual(before, *in.Runbook) || !reflect.DeepEqual(rollbacks, append([]time.Time(nil), in.Release.Rollbacks...)) {
			t.Fatal("the input was changed")
		}
	})
}
