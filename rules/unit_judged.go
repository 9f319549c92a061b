package rules

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// candidateWeight is the candidate's share of the weights in all scenes, in percent:
// one, because a side of any weight above 0 must have data.
const candidateWeight = 1

// judged is what the reference holds at the end of each step; index 0 is step 1.
func (b *book) judged(t runbook.Trigger, s scene) ([]Verdict, error) {
	r, err := b.reference(b.instant(t))
	if err != nil {
		return nil, err
	}
	r.heard(s.before)
	out := make([]Verdict, 0, s.steps)
	breaches := []breach{notBreached} // at time 0, when there is no data
	for step := 1; step <= s.steps; step++ {
		counts := b.scraped(r, s, step)
		if s.silence(step) {
			r.Skip(counts)
			breaches, out = append(breaches, unrecorded), append(out, Verdict{})
			continue
		}
		v := r.Observe(counts)
		if t.Ceiling > 0 {
			v.Effect, v.Gate = r.ceiling()
		}
		if t.PSI > 0 {
			v.Effect, v.Gate = r.stability()
			v.Guarded = r.partRemains(leastGap)
		}
		if t.Style == runbook.ByThreshold {
			breaches = append(breaches, breachOf(v.Gate))
			v.Gate, v.Proved, v.Guarded = b.lasts(t, breaches), r.enough(t, b), r.unguarded(t, b)
		}
		out = append(out, v)
	}
	return out, nil
}

// scraped is what the rules see of the pods at a step.
func (b *book) scraped(r *Reference, s scene, step int) []PodCount {
	counts, known, some := make([]PodCount, 0, len(s.pods)), true, false
	for _, p := range s.pods {
		if r.signal.name != trafficSignal {
			counts = append(counts, r.valued(p.count(step, b.kindOf(r.signal))))
			continue
		}
		c, seen := p.pace(step, int(missing/b.Metrics.Interval))
		counts, known = append(counts, c), known && seen
		some = some || p.paced(step) && p.role == runbook.Candidate
	}
	weight, steady := s.weighs(step)
	r.Weigh(weight/100, steady && (known || !some))
	return counts
}

// ceiling is the effect and the gate of a trigger with a ceiling.
func (r *Reference) ceiling() (float64, bool) {
	t := r.trigger
	candidate, stable := r.histograms[0].last(r.gate-1), r.histograms[1].last(r.gate-1)
	own := bucketQuantile(t.Quantile, r.bounds, candidate)
	over := own > t.Ceiling.Std().Seconds() && own/bucketQuantile(t.Quantile, r.bounds, stable) > 1
	if t.Increase == 0 {
		return own, over
	}
	ratio, gate := latencyGate(t, r.bounds, candidate, stable)
	return ratio, gate || over
}

// A breach is what is recorded of a trigger without evidence at a step.
type breach int

const (
	unrecorded breach = iota // the daemon named no release
	notBreached
	breached
)

func breachOf(is bool) breach {
	if is {
		return breached
	}
	return notBreached
}

// lasts reports whether a trigger without evidence was true whenever it was recorded in
// its window, the last step of which is now, and whether that was most of the window.
func (b *book) lasts(t runbook.Trigger, breaches []breach) bool {
	n := int(t.For / b.Metrics.Interval)
	recorded := 0
	for _, is := range breaches[max(0, len(breaches)-n):] {
		switch is {
		case notBreached:
			return false
		case breached:
			recorded++
		}
	}
	return float64(recorded) >= math.Ceil(durableShare*float64(n))
}

// enough reports whether both sides have the least samples in the window.
func (r *Reference) enough(t runbook.Trigger, b *book) bool {
	var all [2]float64
	for _, p := range r.pods {
		all[sideIndex(p.role)] += p.all.last(int(t.For / b.Metrics.Interval))
	}
	return all[0] >= b.minRequests() && all[1] >= b.minRequests()
}

// unguarded reports whether the candidate's share stays above stable's whichever pod is
// left out.
func (r *Reference) unguarded(t runbook.Trigger, b *book) bool {
	n := int(t.For / b.Metrics.Interval)
	var all, bad [2]float64
	for _, p := range r.pods {
		all[sideIndex(p.role)] += p.all.last(n)
		bad[sideIndex(p.role)] += p.bad.last(n)
	}
	if r.active(runbook.Candidate) == 1 {
		return true
	}
	least := math.Inf(1)
	for _, p := range r.pods {
		if p.role == runbook.Candidate {
			if rest := all[0] - p.all.last(n); rest > 0 {
				least = min(least, (bad[0]-p.bad.last(n))/rest)
			}
		}
	}
	return !math.IsInf(least, 1) && least > withoutPodRatio*bad[1]/all[1]
}
