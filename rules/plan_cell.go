package rules

import (
	"fmt"
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// judged is how much of a step is judged: the first one begins with the warm-up.
func (p Plan) judged(step int) float64 {
	s := p.Steps[step].For.Std().Seconds()
	if step == 0 {
		s -= p.book.Metrics.Warmup.Std().Seconds()
	}
	return max(s, 0)
}

// cell works out one trigger at a weight that is held as long as the step.
func (p Plan) cell(t runbook.Trigger, step, weight int) Cell {
	c := Cell{Step: Step{weight, p.Steps[step].For}}
	switch {
	case !planned(t):
		c.State, c.Why = Unknown, fmt.Sprintf("there is no planning formula for %s", t.Type)
	case !comparative(t):
		p.absoluteCell(&c, t)
	case weight == 100:
		c.State, c.Why = Never, "no traffic is left to stable: there is nothing to compare with"
	default:
		p.proofCell(&c, t, p.judged(step))
	}
	return c
}

func (p Plan) proofCell(c *Cell, t runbook.Trigger, judged float64) {
	effect, ok := p.gates(t)
	if !ok {
		c.State, c.Why = Never, p.gateClosed(t)
		return
	}
	h, share := p.harm(t, effect), float64(c.Weight)/100
	release, trailing := p.bars()
	all, guarded := h.proof(share, release, h.nothing())
	c.Need, c.Late = p.evaluated(max(all, guarded)), p.late(h, t, share, trailing)
	switch {
	case math.IsInf(guarded, 1) && !h.open(share):
		c.State, c.Why = Never, p.guardClosed(h, share)
	case math.IsInf(all, 1):
		c.State, c.Why = Never, fmt.Sprintf("%s takes more than 26h, which is as far as evidence reaches back", "that")
	case math.IsInf(guarded, 1):
		c.State, c.Why = Never, p.guardClosed(h, share)
	case c.Need.Std().Seconds() > judged:
		c.State, c.Why = NotYet, fmt.Sprintf("needs %s, and the step is judged for %s", span2(c.Need), span2(fromSeconds(judged)))
	default:
		c.State = Decides
	}
}

func (p Plan) guardClosed(h harm, share float64) string {
	if !h.open(share) {
		return fmt.Sprintf("an effect this small is within the tolerated odds ratio of %s: only chance gets past the pod guard", num(h.family.null))
	}
	return fmt.Sprintf("without the worst %d of %d candidate pods it is not proved within 26h", leftOut(h.pods), h.pods)
}

// open reports whether the pod guard gathers evidence at all.
func (h harm) open(share float64) bool {
	less, left := h.without(share)
	return h.pods == 1 || less.fit(left, h.candidate) > 0
}

func (p Plan) gateClosed(t runbook.Trigger) string {
	if t.Type != runbook.LatencyQuantile {
		return fmt.Sprintf("no error share is %s times the usual %s", num(minErrorRatio), short(p.Traffic.ErrorRate))
	}
	return fmt.Sprintf("the histogram ends at %ss, where the %s is already: no slowdown can be read", num(p.topBound()), percentile(t.Quantile))
}

func (p Plan) topBound() float64 {
	top, _ := p.book.topBucket()
	return top
}

// late adds that the window of the effect must fill.
func (p Plan) late(h harm, t runbook.Trigger, share, bar float64) runbook.Duration {
	s := h.lateProof(share, bar)
	if math.IsInf(s, 1) {
		return 0
	}
	return max(p.evaluated(s), t.For)
}

// bars are the thresholds as the rules write them.
func (p Plan) bars() (release, trailing float64) {
	release, trailing = bars(p.book.comparatives(), p.book.Metrics.Interval)
	return ceil2(release), ceil2(trailing)
}

// evaluated rounds up to the next evaluation. Never is 0.
func (p Plan) evaluated(s float64) runbook.Duration {
	if math.IsInf(s, 1) {
		return 0
	}
	every := p.book.Metrics.Interval
	return max(1, (fromSeconds(s)+every-1)/every) * every
}

// absoluteCell needs enough requests in the window, whatever the weight.
func (p Plan) absoluteCell(c *Cell, t runbook.Trigger) {
	least, have := p.book.minRequests(), p.Traffic.Rate*t.For.Std().Seconds()
	if t.Ceiling > 0 {
		least = p.book.minObserved(t.Quantile)
		if top, ok := p.book.topBucket(); ok && t.Ceiling.Std().Seconds() >= top {
			c.State, c.Why = Never, fmt.Sprintf("the histogram ends at %ss, and a quantile is never read above that: it cannot exceed %s", num(top), t.Ceiling)
			return
		}
	}
	if have < least {
		c.State, c.Why = Never, fmt.Sprintf("%s have %.0f requests, and %.0f are needed", t.For, have, least)
		return
	}
	c.State, c.Need, c.Late = Decides, t.For, t.For
	if c.For < t.For {
		c.State, c.Why = NotYet, fmt.Sprintf("needs %s, and the step lasts %s", t.For, c.For)
	}
}

func fromSeconds(s float64) runbook.Duration {
	return runbook.Duration(time.Duration(math.Ceil(s*1e3)) * time.Millisecond)
}

// span2 writes a duration with the two greatest units that matter.
func span2(d runbook.Duration) string {
	unit := time.Second
	switch s := d.Std(); {
	case s >= 48*time.Hour:
		unit = time.Hour
	case s >= 2*time.Hour:
		unit = time.Minute
	}
	return runbook.Duration((d.Std() + unit - 1) / unit * unit).String()
}
