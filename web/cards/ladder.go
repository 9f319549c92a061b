package cards

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Rung is one step of the ramp.
type Rung struct {
	Weight runbook.Weight
	For    runbook.Duration
	Reach  Reach
	Until  time.Time // the least time at this step is over then; zero: not this one, or it is over
}

// Now reports whether the release is there.
func (r Rung) Now() bool { return r.Reach == Here }

// Reach is how far the release has come at a rung.
type Reach string

const (
	Behind Reach = "done"
	Here   Reach = "now"
	Ahead  Reach = "next"
)

// ladder are the steps of the ramp that a release follows, with those it has taken.
func ladder(r record.Release, o *runbook.Rollout) []Rung {
	var all []Rung
	here := -1
	for n, step := range o.Ramp() {
		rung := Rung{Weight: step.Weight, For: step.For, Reach: Ahead}
		if step.Weight <= r.Weight {
			rung.Reach, here = Behind, n
		}
		all = append(all, rung)
	}
	if here >= 0 {
		all[here].Reach = Here
		if stay := o.Stay(r.Weight); stay > 0 {
			all[here].Until = r.WeightChangedAt.Add(stay)
		}
	}
	return all
}
