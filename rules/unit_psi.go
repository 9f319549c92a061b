package rules

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// psiSubject moves values from above the middle bound to below it, as far as the index of
// population stability asks for.
func psiSubject(d runbook.Distribution, psi float64) subject {
	s := shiftsOf(d, 0)
	at := func(index float64) []float64 { return shiftsBy(d, shiftOf(d, index)) }
	s.strong, s.proofs[0] = at(2.87*psi), at(1.5*psi)
	s.pairs = []pairing{{stable: s.clean, near: at(psi * nearly), over: at(psi * (1 + closely)), under: at(psi * (1 - closely)),
		stableNear: shiftsBy(d, 0.15*shiftOf(d, psi))}}
	return s
}

// mostShift is how much of the values may be moved.
const mostShift = 0.45

// shiftOf is how much must be moved for the index to be so great, or mostShift.
func shiftOf(d runbook.Distribution, psi float64) float64 {
	from, to := 0.0, mostShift
	for range 60 {
		if mid := (from + to) / 2; stabilityOf(cutShares(d, shiftsBy(d, mid)), cutShares(d, shiftsBy(d, 0))) < psi {
			from = mid
		} else {
			to = mid
		}
	}
	return to
}

// cutShares is how much of the values lie at or below each of the picked bounds.
func cutShares(d runbook.Distribution, buckets []float64) []float64 {
	var out []float64
	sum, at := 0.0, 0
	for _, cut := range cutAt(d) {
		for ; at < cut; at++ {
			sum += buckets[at]
		}
		out = append(out, sum)
	}
	return out
}

// stabilityOf is the index of two sides' shares at or below each bound: the sum over the
// bins of (p-q) ln(p/q), with shares of at least 0.0001.
func stabilityOf(candidate, stable []float64) float64 {
	const least = 0.0001
	sum, c, s := 0.0, 0.0, 0.0
	for i := range len(candidate) + 1 {
		toC, toS := 1.0, 1.0
		if i < len(candidate) {
			toC, toS = candidate[i], stable[i]
		}
		p, q := max(toC-c, least), max(toS-s, least)
		sum += (p - q) * math.Log(p/q)
		c, s = toC, toS
	}
	return sum
}

// stability is the index over the trigger's window, and whether it is too great.
func (r *Reference) stability() (float64, bool) {
	var shares [2][]float64
	for i := range r.mixed {
		for side := range shares {
			shares[side] = append(shares[side], r.mixed[i][side].share(r.gate))
		}
	}
	v := stabilityOf(shares[0], shares[1])
	return v, v > r.trigger.PSI
}
