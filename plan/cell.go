package plan

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// judged is how much of a step is judged: the first one begins with the warm-up.
func (p Plan) judged(step int) float64 {
	s := p.Steps[step].For.Std().Seconds()
	if step == 0 {
		s -= p.rb.Metrics.Warmup.Std().Seconds()
	}
	return max(s, 0)
}

// cell works out one trigger at a weight that is held as long as the step.
func (p Plan) cell(t runbook.Trigger, step int, weight runbook.Weight) Cell {
	c := Cell{Step: Step{weight, p.Steps[step].For}}
	switch {
	case !planned(t):
		c.State, c.Why = Unknown, fmt.Sprintf("there is no planning formula for %s", t.Type)
	case !t.Comparative():
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
		c.State, c.Why = Never, kinds[t.Type].closed(p, t)
		return
	}
	h, share := p.harm(t, effect), c.Weight.Share()
	all, guarded := h.Proof(share, analysis.Carried{})
	c.Need, c.Late = p.evaluated(max(all, guarded)), p.late(h, t, share)
	switch {
	case math.IsInf(guarded, 1) && !h.Open(share):
		c.State, c.Why = Never, guardClosed(h, share)
	case math.IsInf(all, 1):
		c.State, c.Why = Never, "that takes more than 26h, which is as far as the plan looks"
	case math.IsInf(guarded, 1):
		c.State, c.Why = Never, guardClosed(h, share)
	case c.Need.Std().Seconds() > judged:
		c.State, c.Why = NotYet, fmt.Sprintf("needs %s, and the step is judged for %s", span2(c.Need), span2(fromSeconds(judged)))
	default:
		c.State = Decides
	}
}

func guardClosed(h analysis.Harm, share float64) string {
	if !h.Open(share) {
		return fmt.Sprintf("an effect this small is within the tolerated odds ratio of %s: only chance gets past the pod guard", num(h.Null()))
	}
	return fmt.Sprintf("without the worst %d of %d candidate pods it is not proved within 26h", h.LeftOut(), h.Pods)
}

// topBucket is the highest finite bound of a classic latency histogram, in seconds and as
// its metric shows it.
func (p Plan) topBucket(name string) (top float64, text string, ok bool) {
	l, bounds := p.histogram(name)
	if l.Kind == runbook.Native || len(bounds) == 0 {
		return 0, "", false
	}
	top = bounds[len(bounds)-1]
	return top, bound(l, top), true
}

// late adds that the window of the effect must fill.
func (p Plan) late(h analysis.Harm, t runbook.Trigger, share float64) runbook.Duration {
	s := h.LateProof(share)
	if math.IsInf(s, 1) {
		return 0
	}
	return max(p.evaluated(s), t.For)
}

// evaluated rounds up to the next evaluation. Never is 0.
func (p Plan) evaluated(s float64) runbook.Duration {
	if math.IsInf(s, 1) {
		return 0
	}
	every := p.rb.Metrics.Step()
	return max(1, (fromSeconds(s)+every-1)/every) * every
}

// absoluteCell needs enough requests in the window, whatever the weight.
func (p Plan) absoluteCell(c *Cell, t runbook.Trigger) {
	least, have := analysis.MinRequests(p.rb), p.Traffic.Rate*t.For.Std().Seconds()
	if t.Ceiling > 0 {
		least = rules.MinObserved(p.rb, t.Quantile)
		if top, text, ok := p.topBucket(t.Latency); ok && t.Ceiling.Std().Seconds() >= top {
			c.State, c.Why = Never, fmt.Sprintf("the histogram ends at %s, and a quantile is never read above that: it cannot exceed %s", text, t.Ceiling)
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
