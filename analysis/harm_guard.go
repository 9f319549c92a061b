package analysis

import (
	"cmp"
	"math"
	"slices"
)

// without is the same harm without the pods that the guard leaves out, and the share
// that is left.
func (h Harm) without(share float64) (Harm, float64) {
	out := share * float64(h.LeftOut()) / float64(h.Pods)
	h.Rate *= 1 - out
	return h, (share - out) / (1 - out)
}

// fits is the odds ratio that fits a candidate's level best; of a mean it is fixed.
func (h Harm) fits(candidate float64) float64 {
	if h.Variation > 0 {
		return guardOf(1 - h.Candidate)
	}
	return candidate / h.Stable
}

// guardOf is the one that gathers fastest for a drop, of those that the pod guard of a
// mean asks for; the others cost it their share of the average. By itself a drop gains its
// product with the effect less half of it; a little more than half, for greater drops make
// more of the difference between pods.
func guardOf(effect float64) float64 {
	return slices.MaxFunc(meanFamily().Thetas, func(a, b float64) int {
		pace := func(theta float64) float64 { return (1 - theta) * (effect - 0.6*(1-theta)) }
		return cmp.Compare(pace(a), pace(b))
	})
}

// fit is how much the fitted log likelihood ratio grows in a second at that level.
func (h Harm) fit(share, candidate float64) float64 {
	if h.Variation == 0 && (candidate < h.Null()*h.Stable) != h.signal.family.Fewer() {
		return 0
	}
	return h.pace(h.fits(candidate), share, candidate)
}

// podNoise is the variance per second by which the pods' parts of the evidence differ,
// and how many standard deviations the greatest of them are above their mean, added up:
// taking out the most harmful pods takes out more than a fair part.
func (h Harm) podNoise(share float64) (variance, above float64) {
	if h.Variation > 0 {
		return h.podShare(share), normalOf(h.Pods, 1)
	}
	one := h.signal.family.Ratio(h.fits(h.Candidate), share, 1, 1)
	for i := range h.LeftOut() {
		above += normalOf(h.Pods, i+1)
	}
	return h.Rate * share / float64(h.Pods) * h.Candidate * one * one, above
}

// normalOf is the expected k-th greatest of n standard normal values (Blom 1958, within
// 2 % for n from 2).
func normalOf(n, k int) float64 {
	return math.Sqrt2 * math.Erfinv(2*(float64(n-k+1)-0.375)/(float64(n)+0.25)-1)
}

// guardBar is what must remain without any one pod.
func (h Harm) guardBar() float64 {
	bar := h.signal.guardBar()
	if h.Variation > 0 {
		bar += math.Log(float64(len(meanFamily().Thetas)))
	}
	return bar
}

// fitGain is how much more the best fitting odds ratio gets than the true one by the time
// of the proof: settled by simulation, between 0 and the 1/2 that theory gives in the end.
const fitGain = 0.25

// gain is that, where the odds ratio is fitted.
func (h Harm) gain() float64 {
	if h.Variation > 0 {
		return 0
	}
	return fitGain
}
