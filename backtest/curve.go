package backtest

import (
	"context"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// curvePoints is about how many points a curve has over the whole period; while its
// trigger fires, each evaluation gives one.
const curvePoints = 2000

// A point is a trigger's effect at a moment of a release.
type point struct {
	at      time.Time
	value   float64
	release string
}

// curves are the effects of all triggers, for the pictures.
type curves struct {
	w         *world
	questions rules.Questions
	step      time.Duration
	next      time.Time
	points    map[string][]point
}

func newCurves(w *world, q rules.Questions, from, to time.Time) *curves {
	return &curves{w: w, questions: q, step: to.Sub(from) / curvePoints, next: from, points: map[string][]point{}}
}

// look takes a point of each trigger if it is time for one, or if the trigger fires.
func (c *curves) look(ctx context.Context, now time.Time, active map[string]*Firing) {
	due := !now.Before(c.next)
	if due {
		c.next = now.Add(c.step)
	}
	firing := map[string]bool{}
	for _, f := range active {
		firing[f.Trigger] = true
	}
	for _, t := range c.w.runbook.Triggers {
		if !due && !firing[t.Name] {
			continue
		}
		for _, rel := range c.releases(t, now) {
			e, err := c.questions.Effect(t.Name, rel)
			if err != nil {
				continue
			}
			if v, ok := c.w.number(ctx, e, now); ok {
				c.points[t.Name] = append(c.points[t.Name], point{now, v, rel.ID})
			}
		}
	}
}

func (c *curves) releases(t runbook.Trigger, now time.Time) []record.Release {
	if t.Absolute() {
		return []record.Release{{Service: c.w.runbook.Service}}
	}
	var out []record.Release
	for _, r := range c.w.releases {
		if r.open(now) {
			out = append(out, r.release(c.w.runbook.Service, now))
		}
	}
	return out
}
