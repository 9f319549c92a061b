package policy

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Input is everything a decision rests on, read at one moment. Record it, and the
// decision can be replayed.
type Input struct {
	Runbook           *runbook.Runbook // never nil
	Breach            record.Breach    // as Prometheus answers now; without a Trigger if a human asks and it was not asked
	Release           record.Release   // the release as stored
	Incident          *record.Incident // nil if this breach opens one
	Control           record.Control   // zero: active
	Budget            record.Budget
	Elsewhere         []record.Spending // of the other regions; empty: there are none
	ExternalChange    bool              // the router's split is not the release's, and nobody has accepted it
	StableQuarantined bool              // the bundle we would go back to is barred
	ByHuman           bool              // a person asked for this rollback
	Router            string            // why the router's keys cannot be changed; empty: they can
	WentBack          string            // what the store has lost of the target; empty: nothing that is known

	asked bool // people were asked already: what they were to judge does not object again
}

// Decide says what to do about the breach at the moment now. It always gives a guard
// and at least one reason, the deciding one first.
func Decide(in Input, now time.Time) record.Decision {
	d := cautioned(in, decide(in, now))
	d.At = now
	return d
}

// cautioned adds to a decision that moves nothing that no rollback is possible right now, if its
// own words do not say so.
func cautioned(in Input, d record.Decision) record.Decision {
	why := in.Release.NoRollback()
	if why == "" || d.Action == record.RollBack || d.Guard == GuardStandby || d.Guard == GuardLKGNotWarm {
		return d
	}
	d.Reasons = append(d.Reasons, why)
	return d
}

func decide(in Input, now time.Time) record.Decision {
	if in.ByHuman {
		return byHuman(in, now)
	}
	d := automatic(in, now)
	if observing(in) && d.Action != record.Hold {
		return observed(in, d)
	}
	return d
}

// automatic is what active mode does.
func automatic(in Input, now time.Time) record.Decision {
	var d record.Decision
	for _, g := range guards() {
		o := g.object(in, now)
		switch {
		case o == nil:
		case d.Guard == "":
			d = decision(g.name, *o)
			d.Reasons = append(d.Reasons, facts(in)...)
		default:
			d.Reasons = append(d.Reasons, "Also: "+o.why)
		}
		if d.Guard != "" && d.Action != record.Ask {
			return d
		}
	}
	if d.Guard != "" {
		return d
	}
	return record.Decision{
		Action:  record.RollBack,
		Guard:   GuardSevere,
		Reasons: append([]string{"A severe breach is confirmed and no guard objects: all traffic goes to " + side(in.Release.Stable) + "."}, facts(in)...),
		Choices: afterwards(in),
		Page:    true,
	}
}

func afterwards(in Input) []string {
	return []string{"watch the verification", "do not start " + side(in.Release.Candidate) + " again: its bundle is quarantined until somebody lifts it"}
}

func decision(name string, o objection) record.Decision {
	return record.Decision{Action: o.action, Guard: name, Reasons: []string{o.why}, Choices: o.choices, Page: o.page}
}

// observing reports whether the daemon may only say what it would do. A runbook
// without a mode observes: acting is what must be asked for.
func observing(in Input) bool {
	return in.Runbook.Policy.Mode != runbook.Active || in.Control.Mode == runbook.Observe
}

func observed(in Input, would record.Decision) record.Decision {
	why := "The runbook's mode is observe: nothing is done; in active mode it would " + deed(would.Action) + " (" + would.Guard + ")."
	if in.Control.Mode == runbook.Observe {
		why = "The control mode is observe" + byWhom(in.Control) + ": nothing is done; in active mode it would " + deed(would.Action) + " (" + would.Guard + ")."
	}
	reasons := append([]string{why}, would.Reasons...)
	reasons[1] = "In active mode: " + reasons[1]
	choices := []string{byHand(in)}
	if would.Action == record.Freeze && in.Breach.StableUnhealthy {
		choices = shared(in) // moving traffic would not help
	}
	return record.Decision{
		Action:  record.Hold,
		Would:   would.Action,
		Guard:   GuardObserve,
		Reasons: reasons,
		Choices: append(choices, "arm it: policy.mode: active in the runbook, and control active"),
	}
}

// deed is what an action does, in words.
func deed(a record.Action) string {
	switch a {
	case record.RollBack:
		return "roll back"
	case record.Ask:
		return "ask a human"
	case record.Freeze:
		return "freeze the ramp"
	}
	return string(a)
}

// byHuman lets a person's rollback through unless there is nothing to roll back or
// another person's split would be overwritten; what the other guards say is a warning.
func byHuman(in Input, now time.Time) record.Decision {
	d := record.Decision{Action: record.RollBack, Guard: GuardHuman, Page: true}
	d.Reasons = []string{"A human asked for it: all traffic goes to " + side(in.Release.Stable) + "."}
	if in.Release.Weight == 0 { // it is still to be ended, or no other could begin
		d.Page, d.Reasons = false, []string{"A human asked for it: the candidate gets no traffic, and the release ends."}
	}
	for _, g := range guards() {
		o := g.object(in, now)
		if o == nil || (g.confirms && in.Breach.Trigger == "") {
			continue
		}
		if g.stopsHumans {
			return decision(g.name, *o)
		}
		d.Reasons = append(d.Reasons, "Warning ("+g.name+"): "+o.why)
	}
	return d
}
