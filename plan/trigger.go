package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// trigger works out one trigger over all steps.
func (p Plan) trigger(t runbook.Trigger) TriggerPlan {
	out := TriggerPlan{Trigger: t.Name, Type: string(t.Type), Says: t.String(), Lag: p.lag(t)}
	for i, s := range p.Steps {
		out.Cells = append(out.Cells, p.cell(t, i, s.Weight))
	}
	switch {
	case !planned(t):
	case !t.Comparative():
		out.Effect = "any version over its limit"
		out.Error, out.Fix = p.absoluteError(t, out.Cells)
	default:
		k := kinds[t.Type]
		effect, ok := p.gates(t)
		if !ok {
			effect = k.size(t)
		}
		out.Effect = k.tell(p, t, effect)
		if point, can := p.decided(t, effect); ok && can {
			out.Decided = &point
			break
		}
		out.Smallest = p.smallest(t)
		out.Error, out.Fix = p.proofError(t, out)
	}
	return out
}

// decided walks through the plan with harm that is there from the start, and evidence
// that is carried from step to step.
func (p Plan) decided(t runbook.Trigger, effect float64) (Point, bool) {
	h := p.harm(t, effect)
	warmup := min(p.rb.Metrics.Warmup.Std().Seconds(), p.Steps[0].For.Std().Seconds())
	var c analysis.Carried
	for i, s := range p.Steps {
		share, judged := s.Weight.Share(), p.judged(i)
		if s.Weight == 100 || c.Seconds()+judged > analysis.Longest.Seconds() {
			break
		}
		if all, guarded := h.Proof(share, c); max(all, guarded) <= judged {
			at := max(all, guarded)
			return Point{s.Weight, p.evaluated(warmup + c.Seconds() + at)}, true
		}
		c = h.Carry(c, share, judged)
	}
	return Point{}, false
}

// smallest is the smallest effect above the named one that is decided within the plan.
func (p Plan) smallest(t runbook.Trigger) string {
	from, ok := p.gates(t)
	to := kinds[t.Type].largest
	if !ok {
		return ""
	}
	if _, can := p.decided(t, to); !can {
		return ""
	}
	for range 40 {
		mid := (from + to) / 2
		if _, can := p.decided(t, mid); can {
			to = mid
		} else {
			from = mid
		}
	}
	return sized(t, to)
}

// proofError says why the trigger can never prove its effect under the plan, and how
// to fix that.
func (p Plan) proofError(t runbook.Trigger, tp TriggerPlan) (what, fix string) {
	if p.lastCompared() == 99 && !p.holds(99) {
		return "cannot fire: " + tp.Cells[0].Why, "keep a holdback: plan a step of 95% or less before 100%, with stable on live traffic"
	}
	best, c := -1, tp.Cells[0]
	for i, o := range tp.Cells {
		if o.Need > 0 && (best < 0 || o.Need < tp.Cells[best].Need) {
			best = i
		}
		if o.Weight < 100 {
			c = o
		}
	}
	var fixes []string
	if best < 0 {
		what = "cannot fire for the effect it names: " + c.Why
	} else {
		c = tp.Cells[best]
		judged := p.judged(best)
		what = fmt.Sprintf("cannot prove the effect it names in this rollout: even at %v%% that takes %s, and the step is judged for %s", c.Weight, span2(c.Need), span2(fromSeconds(judged)))
		fixes = append(fixes, fmt.Sprintf("hold %v%% for %s", c.Weight, span2(c.Need+p.Steps[best].For-fromSeconds(judged))))
	}
	if rate := p.enough(t); rate > 0 {
		fixes = append(fixes, "send "+runbook.Figure(rate)+" requests/s")
	}
	if tp.Smallest != "" {
		fixes = append(fixes, fmt.Sprintf("write `%s`, the smallest that these steps can prove", tp.Smallest))
	}
	if len(fixes) == 0 {
		return what, "remove the trigger: at this traffic it can never fire"
	}
	return what, strings.Join(fixes, ", or ")
}

func (p Plan) holds(weight runbook.Weight) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Weight == weight })
}

// enough is the least request rate at which the effect is proved within the plan; 0 if
// none is.
func (p Plan) enough(t runbook.Trigger) float64 {
	effect, ok := p.gates(t)
	can := func(rate float64) bool {
		p.Traffic.Rate = rate
		_, can := p.decided(t, effect)
		return can
	}
	from, to := p.Traffic.Rate, 1e6*p.Traffic.Rate
	if !ok || !can(to) {
		return 0
	}
	for to > 1.001*from {
		if mid := math.Sqrt(from * to); can(mid) {
			to = mid
		} else {
			from = mid
		}
	}
	digits := math.Pow(10, 2-math.Floor(math.Log10(to)))
	return math.Ceil(to*digits) / digits
}

func (p Plan) absoluteError(t runbook.Trigger, cells []Cell) (what, fix string) {
	if cells[0].State != Never {
		return "", ""
	}
	if top, _, ok := p.topBucket(t.Latency); t.Ceiling > 0 && ok && t.Ceiling.Std().Seconds() >= top {
		return cells[0].Why, "expose a bucket above the ceiling and name it in metrics.latency.buckets, or lower the ceiling"
	}
	least := analysis.MinRequests(p.rb)
	if t.Ceiling > 0 {
		least = rules.MinObserved(p.rb, t.Quantile)
	}
	return cells[0].Why, fmt.Sprintf("write `for: %s` or longer", span2(fromSeconds(least/p.Traffic.Rate)))
}
