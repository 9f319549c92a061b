package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// closely is how far, of itself, the scenes stay from a threshold on either side: a
// small part of the change that a mutant makes.
const closely = 0.005

// A subject is what the two sides do in the scenes of one trigger.
type subject struct {
	clean     []float64 // both sides, without harm
	strong    []float64 // the candidate, far above the threshold
	proofs    [2][]float64
	pairs     []pairing // each threshold, closely passed and closely missed; the trigger's own first
	unguarded bool      // no pod guard
}

// A pairing is a threshold: the candidate near it, with the evidence long in place,
// closely over it, and closely under it. Stable stays as it is.
type pairing struct {
	name                      string
	stable, near, over, under []float64
	early                     []float64    // the candidate, far over, and yet not by another threshold; nil: no scene
	stableNear                []float64    // stable, if it makes a candidate that is over look near; nil: it does not matter
	stalls                    [2][]float64 // stable and the candidate, where stable has more above the highest bucket and nothing else
}

// nearly is how much of the threshold near is.
const nearly = 0.9

func share(bad float64) []float64 { return []float64{1 - bad, bad} }

// subjectOf makes up the mixes of a comparative trigger.
func (b *book) subjectOf(t runbook.Trigger) (subject, error) {
	switch t.Type {
	case runbook.ErrorRate, runbook.SchemaMismatch:
		return rateSubject(float64(t.Above)), nil
	case runbook.ErrorIncrease, runbook.Compare:
		return increaseSubject(float64(t.By), t.MinRatio), nil
	case runbook.KPIDrop:
		return dropSubject(1 - float64(t.Drop)), nil
	case runbook.LatencyQuantile:
		if b.native() {
			return subject{}, fmt.Errorf("a native histogram has no exact reference")
		}
		return b.slowSubject(t)
	case runbook.NullSpike:
		return missingSubject(float64(t.By)), nil
	case runbook.DistributionShift:
		return b.shiftSubject(t)
	case runbook.CanaryStarved:
		return starvedSubject(float64(t.Below)), nil
	}
	return subject{}, fmt.Errorf("no scenes are known for %s", t.Type)
}

// guardRatio is that of the pod guard's odds ratio in the error family: evidence and
// guard both decide there.
const guardRatio = 2.5

func rateSubject(above float64) subject {
	clean, high := above/5, min(0.9, 3*above)
	proof := min(0.6, 1.3*above)
	return subject{clean: share(clean), strong: share(min(0.9, 3.93*above)),
		proofs: [2][]float64{share(proof), share(proof / guardRatio)},
		pairs: []pairing{
			{stable: share(clean), near: share(above * nearly), over: share(above * (1 + closely)), under: share(above * (1 - closely))},
			ratioPair(high, minErrorRatio),
		}}
}

// ratioPair is about the demand that the candidate's share be so many times stable's.
func ratioPair(candidate, ratio float64) pairing {
	stable := candidate / ratio
	return pairing{name: "stable has failures, too", stable: share(stable), near: share(candidate * 0.97),
		over: share(candidate * (1 + closely)), under: share(candidate * (1 - closely)), stableNear: share(stable * 1.03)}
}

func increaseSubject(by, ratio float64) subject {
	clean := by / 4 / ratio
	gap := func(times float64) []float64 { return share(clean + by*times) }
	proof := max(guardRatio, 1.3*ratio)
	level := by * 1.3 / (proof - 1)
	s := subject{clean: share(clean), strong: share(min(0.9, clean+5.87*by)),
		proofs: [2][]float64{share(min(0.9, level*proof)), share(min(0.9, level*proof) / proof)},
		pairs: []pairing{{stable: share(clean), near: gap(nearly), over: gap(1 + closely), under: gap(1 - closely),
			stableNear: share(clean + by*0.15)}}}
	if ratio > 1.3 && 3*by/(ratio-1)*ratio < 0.9 {
		s.pairs = append(s.pairs, ratioPair(3*by/(ratio-1)*ratio, ratio))
	}
	return s
}

func dropSubject(least float64) subject {
	const base = 0.3
	drop := 1 - least
	return subject{clean: share(base), strong: share(base * least / 2),
		proofs: [2][]float64{share(base * min(0.9, least*0.97)), share(base)},
		pairs: []pairing{{stable: share(base), near: share(base * (1 - drop*nearly)), over: share(base * least * (1 - closely*drop)),
			under: share(base * least * (1 + closely*drop)), stableNear: share(base * (1 - 0.15*drop))}}}
}

// missingSubject is about two features; the last share is that of the rows.
func missingSubject(by float64) subject {
	base := min(0.02, by/4)
	mix := func(more float64) []float64 { return []float64{base, min(0.9, base+more), 1} }
	return subject{clean: mix(0), strong: mix(7.83 * by), proofs: [2][]float64{mix(2 * by), mix(0)},
		pairs: []pairing{{stable: mix(0), near: mix(by * nearly), over: mix(by * (1 + closely)), under: mix(by * (1 - closely)), stableNear: mix(by * 0.15)}}}
}

// starvedSubject: the whole mix grows and shrinks with what the candidate gets.
func starvedSubject(below float64) subject {
	const w = candidateWeight / 100.0
	got := func(share float64) []float64 { return []float64{(1 - w) * share / (1 - w*share), 0} } // of all that there is then
	return subject{clean: got(1), strong: got(below / 4.13), proofs: [2][]float64{got(below * 0.8), got(1)}, unguarded: true,
		pairs: []pairing{{stable: got(1), near: got(below * 1.1), over: got(below * (1 - closely)), under: got(below * (1 + closely))}}}
}

// shiftSubject moves values from above the middle bound to below it.
func (b *book) shiftSubject(t runbook.Trigger) (subject, error) {
	d, _ := b.Metrics.Distribution(t.Distribution)
	if t.PSI > 0 {
		return psiSubject(d, t.PSI), nil
	}
	return shiftsOf(d, float64(t.Distance)), nil
}

// shiftsBy has so many of the values more below the middle bound than above it.
func shiftsBy(d runbook.Distribution, more float64) []float64 {
	cut := cutAt(d)[len(cutsOf(d))/2]
	out := make([]float64, len(d.Buckets)+1)
	for i := range out {
		if i < cut {
			out[i] = (0.5 + more) / float64(cut)
		} else {
			out[i] = (0.5 - more) / float64(len(out)-cut)
		}
	}
	return out
}

func shiftsOf(d runbook.Distribution, distance float64) subject {
	mix := func(more float64) []float64 { return shiftsBy(d, more) }
	strong := min(mostShift, 2.87*distance)
	return subject{clean: mix(0), strong: mix(strong), proofs: [2][]float64{mix(min(mostShift, distance*1.5)), mix(0)},
		pairs: []pairing{{stable: mix(0), near: mix(distance * nearly), over: mix(distance * (1 + closely)), under: mix(distance * (1 - closely)), stableNear: mix(distance * 0.15)}}}
}

// slowSubject puts the candidate's quantile closely below a bound, where most of its
// requests can be slow.
func (b *book) slowSubject(t runbook.Trigger) (subject, error) {
	if t.Increase == 0 {
		return b.ceilingSubject(t)
	}
	bounds, q := b.Metrics.Latency.Buckets, t.Quantile
	increase := float64(t.Increase)
	for i := len(bounds) / 2; i < len(bounds); i++ {
		slow := bounds[i] * 0.98
		if t.Ceiling > 0 {
			slow = min(slow, t.Ceiling.Std().Seconds()*0.9)
		}
		stable := slow / (1 + increase) / (1 + closely)
		if i == 0 || stable <= bounds[0] {
			continue
		}
		at := func(ratio float64) []float64 { return b.slowMix(q, stable*ratio) }
		s := subject{clean: at(1), strong: make([]float64, len(bounds)+1),
			pairs: []pairing{{stable: at(1), near: at(1 + increase*nearly), over: at((1 + increase) * (1 + closely)), under: at((1 + increase) * (1 - closely)),
				stableNear: b.slowMix(q, stable*(1+increase)/(1+increase*nearly))}}}
		s.strong[min(i+1, len(bounds)-1)] = 1
		s.proofs = [2][]float64{blend(at(1), s.strong, 1.5*(1-q)), at(1)}
		stalled := 0.012
		if t.Style == runbook.ByThreshold { // its window has three growths: the first must not be enough
			stalled = 0.018
		}
		s.pairs = append(s.pairs, topPair(stalled, at(1), at(1+increase*0.7), at(1+increase*0.4), at(1.1), at(1+increase*nearly)))
		if t.Ceiling > 0 {
			s.pairs = append(s.pairs, b.ceilingPair(t, "the ceiling", 1+increase*0.8))
		}
		return s, nil
	}
	return subject{}, fmt.Errorf("the histogram has no bound from which an increase of %s can be told", percent(float64(t.Increase)))
}

// ceilingSubject has a candidate that is slower than stable, around the ceiling.
func (b *book) ceilingSubject(t runbook.Trigger) (subject, error) {
	bounds, at := b.Metrics.Latency.Buckets, t.Ceiling.Std().Seconds()
	if at*(1+closely) >= bounds[len(bounds)-1] || at*0.7 <= bounds[0] {
		return subject{}, fmt.Errorf("the ceiling is outside of the histogram's bounds")
	}
	p := b.ceilingPair(t, "", 1.4)
	s := subject{clean: p.stable, strong: make([]float64, len(bounds)+1), pairs: []pairing{p}}
	s.strong[len(bounds)-1] = 1
	s.proofs = [2][]float64{blend(p.stable, s.strong, 1.5*(1-t.Quantile)), p.stable}
	return s, nil
}

// ceilingPair has a candidate that is by a ratio slower than stable, and at the ceiling.
func (b *book) ceilingPair(t runbook.Trigger, name string, ratio float64) pairing {
	at := t.Ceiling.Std().Seconds()
	mix := func(v float64) []float64 { return b.slowMix(t.Quantile, v) }
	return pairing{name: name, stable: mix(at / ratio), near: mix(at * (1 - 0.3*(1-1/ratio))), over: mix(at * (1 + closely)), under: mix(at * (1 - closely))}
}

// topPair moves requests above the highest bucket, and as many just below it. What is
// there before differs in its quantile too, so that each window is seen. stalled is how
// many of stable's are there before it alone stalls less.
func topPair(stalled float64, stable, slower, before, stableBefore, slowest []float64) pairing {
	const usual = 0.003 // of stable's requests are above the highest bucket
	stall := func(mix []float64, more float64) []float64 {
		out := make([]float64, len(mix))
		top := len(out) - 1
		for i, v := range mix {
			out[i] = v * (1 - usual - more - 0.004)
		}
		out[top-1] += 0.004
		out[top] += usual + more
		return out
	}
	return pairing{name: "requests above the highest bucket", stable: stall(stable, 0), near: stall(before, 0.009),
		over: stall(slower, 0.01*(1+closely)), under: stall(slower, 0.01*(1-closely)), early: stall(slower, 0.0263), stableNear: stall(stableBefore, 0.02),
		stalls: [2][]float64{stall(stable, stalled), stall(slowest, 0.02)}}
}

// slowMix is a histogram whose quantile is exactly at a value, with as much as possible
// in the value's bucket.
func (b *book) slowMix(q, value float64) []float64 {
	bounds := b.Metrics.Latency.Buckets
	out := make([]float64, len(bounds)+1)
	for i := 1; i < len(bounds); i++ {
		if value > bounds[i] {
			continue
		}
		at := (value - bounds[i-1]) / (bounds[i] - bounds[i-1])
		inside := min(q/at, (1-q)/math.Max(1-at, 1e-9), 0.95)
		out[i], out[i-1] = inside, q-inside*at
		out[min(i+1, len(bounds)-1)] += 1 - out[i] - out[i-1]
		break
	}
	return out
}
