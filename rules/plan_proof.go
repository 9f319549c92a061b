package rules

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// A harm is a difference between the sides, steady from its first moment on, as one
// trigger's statistic sees it.
type harm struct {
	family            family
	rate              float64 // opportunities per second, of both sides
	stable, candidate float64 // event shares
	phi               float64
	pods              int     // of the candidate
	variation, every  float64 // of a mean: squared coefficient of variation of a trial, and the interval in seconds
	guard             float64 // of a mean: the share of stable's mean that its pod guard asks for
	learners          int     // stable pods that the dispersion is learned from; 0: it is given
}

// longest is how far back the evidence reaches, in seconds: the window "release".
const longest = 26 * 3600.0

// pace is how much the log likelihood ratio at theta grows in a second where the
// candidate, with that share of the opportunities, has events at that level. With
// theta the true ratio of the levels it is events per second × KL(p1 ‖ p0), where p1
// and p0 are the chances that an event is the candidate's:
// triggers.md §2.1, after Lindon & Malek (2022) and ter Schure et al. (2024).
func (h harm) pace(theta, share, candidate float64) float64 {
	if h.variation > 0 {
		mean, _ := h.catoni(1-theta, share, candidate)
		return mean
	}
	bad := h.rate * share * candidate
	return h.family.drift(theta, share, bad, bad+h.rate*(1-share)*h.stable)
}

// dispersion is what divides the evidence after some seconds. Learned from few pods, it
// is noisy; and because it is never taken below 1, the noise costs evidence: on average
// 1/√2π of the standard error of Pearson's statistic, one block of five minutes after
// the other, up to an hour.
func (h harm) dispersion(seconds float64) float64 {
	if h.learners < 2 {
		return h.phi
	}
	blocks := max(1, min(seconds, 3600)/300)
	return h.phi * (1 + math.Sqrt(2/(float64(h.learners-1)*blocks)/(2*math.Pi)))
}

// paces are those of the grid, with and without the harm.
func (h harm) paces(share float64) (harmed, healthy []float64) {
	for _, theta := range h.family.thetas {
		harmed = append(harmed, h.pace(theta, share, h.candidate))
		healthy = append(healthy, h.pace(theta, share, h.stable))
	}
	return harmed, healthy
}

// A path is the expected evidence after some seconds.
type path func(seconds float64) float64

// mixture is the log e-value, had every likelihood ratio grown as expected.
func mixture(sums []float64) float64 {
	top := sums[0]
	for _, s := range sums {
		top = max(top, s)
	}
	total := 0.0
	for _, s := range sums {
		total += math.Exp(s - top)
	}
	return top + math.Log(total/float64(len(sums)))
}

// lateEvidence is the path in a trailing window that was full of healthy traffic.
func (h harm) lateEvidence(share, window float64) path {
	harmed, healthy := h.paces(share)
	return func(s float64) float64 {
		sums := make([]float64, len(harmed))
		for i := range harmed {
			sums[i] = (harmed[i]*s + healthy[i]*(window-s)) / h.dispersion(longest)
		}
		return mixture(sums)
	}
}

// without is the same harm without the pods that the guard leaves out, and the share
// that is left.
func (h harm) without(share float64) (harm, float64) {
	out := share * float64(h.leftOut()) / float64(h.pods)
	h.rate *= 1 - out
	return h, (share - out) / (1 - out)
}

// leftOut is how many pods the guard leaves out.
func (h harm) leftOut() int {
	if h.variation > 0 {
		return 1
	}
	return leftOut(h.pods)
}

// fits is the odds ratio that fits a candidate's level best; of a mean it is fixed.
func (h harm) fits(candidate float64) float64 {
	if h.variation > 0 {
		return h.guard
	}
	return candidate / h.stable
}

// fit is how much the fitted log likelihood ratio grows in a second at that level.
func (h harm) fit(share, candidate float64) float64 {
	if h.variation == 0 && (candidate < h.family.null*h.stable) != h.family.fewer() {
		return 0
	}
	return h.pace(h.fits(candidate), share, candidate)
}

// podNoise is the variance per second by which the pods' parts of the evidence differ,
// and how many standard deviations the greatest of them are above their mean, added up:
// taking out the most harmful pods takes out more than a fair part.
func (h harm) podNoise(share float64) (variance, above float64) {
	f := h.family
	if h.variation > 0 {
		return h.podShare(share), normalOf(h.pods, 1)
	}
	one := f.drift(h.fits(h.candidate), share, 1, 1)
	for i := range h.leftOut() {
		above += normalOf(h.pods, i+1)
	}
	return h.rate * share / float64(h.pods) * h.candidate * one * one, above
}

// normalOf is the expected k-th greatest of n standard normal values (Blom 1958, within
// 2 % for n from 2).
func normalOf(n, k int) float64 {
	return math.Sqrt2 * math.Erfinv(2*(float64(n-k+1)-0.375)/(float64(n)+0.25)-1)
}

// lateGuarded is the same without the most harmful pods, fitted to what is harm and what
// was not.
func (h harm) lateGuarded(share float64, w span) path {
	less, left := h.without(share)
	noise, above := h.podNoise(share)
	window := spanSeconds(w)
	return func(s float64) float64 {
		mean := (h.candidate*s + h.stable*(window-s)) / window
		return (less.fit(left, mean)*window-above*math.Sqrt(noise*s))/h.dispersion(longest) - w.penalty()
	}
}

// lateMean is that of a mean, whose guard asks for drops of its own.
func (h harm) lateMean(share, window float64) path {
	less, left := h.without(share)
	harmed, healthy := less.fit(left, h.candidate), less.fit(left, h.stable)
	noise, above := h.podNoise(share)
	return func(s float64) float64 {
		return (harmed*s + healthy*(window-s) - above*math.Sqrt(noise*s)) / h.dispersion(longest)
	}
}

// reach is when a path that ends above the bar crosses it for good, in seconds; +Inf
// if it ends below. Paths are convex or nearly so: below the bar they stay below until
// they cross.
func (p path) reach(bar, end float64) float64 {
	if !(p(end) > bar) {
		return math.Inf(1)
	}
	from, to := 0.0, end
	for range 60 {
		if mid := (from + to) / 2; p(mid) > bar {
			to = mid
		} else {
			from = mid
		}
	}
	return to
}

// lateProof is the same by the trailing windows, for harm that begins at any time.
func (h harm) lateProof(share, bar float64) float64 {
	all, guarded := math.Inf(1), math.Inf(1)
	for _, s := range spans() {
		w := spanSeconds(s)
		if s.name != "release" {
			all = min(all, h.lateEvidence(share, w).reach(bar, w))
		}
		if h.variation > 0 {
			guarded = min(guarded, h.lateMean(share, w).reach(h.guardBar(), w))
		} else if s.guarded {
			guarded = min(guarded, h.lateGuarded(share, s).reach(h.guardBar(), w))
		}
	}
	if h.pods == 1 {
		return all
	}
	return max(all, guarded)
}

// guardBar is the log of what must remain without the worst pods.
func (s signal) guardBar() float64 {
	if s.isMean() {
		return ceil2(math.Log(leastMeanEvidence))
	}
	return ceil2(math.Log(leastPodEvidence))
}

func spanSeconds(s span) float64 {
	d, err := runbook.ParseDuration(s.length)
	if err != nil {
		return math.NaN() // no path ends above a bar there
	}
	return d.Std().Seconds()
}
