package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Longest is the longest release that proofs are planned for: a day and what its ramp adds.
const Longest = 26 * time.Hour

// A Harm is a difference between the sides, steady from its first moment on, as the test
// of one trigger sees it: before a release it tells how long a proof takes. It is
// arithmetic about expected counts. Make one with [NewHarm], then set the fields.
type Harm struct {
	Rate              float64 // opportunities per second, of both sides
	Stable, Candidate float64 // levels: event shares, or means where stable's is 1
	Pods              int     // of the candidate, at least 1
	Dispersion        float64 // divides the evidence, at least 1
	Learners          int     // stable pods that the dispersion is learned from; 0: it is given
	Variation         float64 // of a mean: squared coefficient of variation of a trial, above 0; else 0

	signal            signal
	release, trailing float64 // bars
	every             float64 // the interval in seconds
}

// NewHarm prepares the harm that a comparative trigger of the runbook looks for. What is
// counted in parts, and traffic, have no planning formula: an error, as for a trigger that
// compares nothing.
func NewHarm(rb *runbook.Runbook, t runbook.Trigger) (Harm, error) {
	s, err := signalOf(rb, t)
	if err == nil && (!t.Comparative() || !s.planned) {
		err = fmt.Errorf("there is no planning formula for %s", t.Type)
	}
	if err != nil {
		return Harm{}, fmt.Errorf("harm of %s: trigger %q: %w", rb.Service, t.Name, err)
	}
	h := Harm{Pods: 1, Dispersion: 1, signal: s, every: rb.Metrics.Step().Std().Seconds()}
	h.release, h.trailing = Bars(Proved(rb), rb.Metrics.Step().Std())
	return h, nil
}

// Null is the odds ratio up to which a difference is no harm.
func (h Harm) Null() float64 { return h.signal.Null }

// LeftOut is how many candidate pods the pod guard leaves out.
func (h Harm) LeftOut() int {
	if h.Variation > 0 {
		return 1
	}
	return leftOut(h.Pods)
}

// Open reports whether the pod guard gathers evidence at all where the candidate has that
// share of the opportunities; if not, only chance gets past it.
func (h Harm) Open(share float64) bool {
	less, left := h.without(share)
	return h.Pods == 1 || less.fit(left, h.Candidate) > 0
}

// pace is how much the log likelihood ratio at theta grows in a second where the
// candidate, with that share of the opportunities, has events at that level. With
// theta the true ratio of the levels it is events per second × KL(p1 ‖ p0), where p1
// and p0 are the chances that an event is the candidate's:
// docs/statistics.md, after Lindon & Malek (2022) and ter Schure et al. (2024).
func (h Harm) pace(theta, share, candidate float64) float64 {
	if h.Variation > 0 {
		mean, _ := h.catoni(1-theta, share, candidate)
		return mean
	}
	bad := h.Rate * share * candidate
	return h.signal.Ratio(theta, share, bad, bad+h.Rate*(1-share)*h.Stable)
}

// dispersion is what divides the evidence after some seconds. Learned from few pods, it
// is noisy; and because it is never taken below 1, the noise costs evidence: on average
// 1/√2π of the standard error of Pearson's statistic, one block of five minutes after
// the other, up to an hour.
func (h Harm) dispersion(seconds float64) float64 {
	if h.Learners < 2 {
		return h.Dispersion
	}
	blocks := max(1, min(seconds, 3600)/300)
	return h.Dispersion * (1 + math.Sqrt(2/(float64(h.Learners-1)*blocks)/(2*math.Pi)))
}

// paces are those of the grid, at that level of the candidate.
func (h Harm) paces(share, candidate float64) []float64 {
	var out []float64
	for _, theta := range h.signal.Thetas {
		out = append(out, h.pace(theta, share, candidate))
	}
	return out
}

// best is the odds ratio of the grid that gathers evidence fastest.
func (h Harm) best(share float64) float64 {
	return slices.MaxFunc(h.signal.Thetas, func(a, b float64) int {
		return cmp.Compare(h.pace(a, share, h.Candidate), h.pace(b, share, h.Candidate))
	})
}

// spread is the variance per second of the log likelihood ratio at theta: of whose an
// event is, and of how many there are.
func (h Harm) spread(share, theta float64) float64 {
	if h.Variation > 0 {
		_, variance := h.catoni(1-theta, share, h.Candidate)
		return variance
	}
	events := h.Rate * (share*h.Candidate + (1-share)*h.Stable)
	q := h.Rate * share * h.Candidate / events
	pace, weight := h.pace(theta, share, h.Candidate), math.Log(theta/h.Null())
	return events*q*(1-q)*weight*weight + pace*pace/events
}

// unbelieved is how long the variance of a mean is not believed yet, in seconds.
func (h Harm) unbelieved() float64 {
	if h.Variation == 0 {
		return 0
	}
	return leastTrials * (1 + h.Variation) / h.Rate
}

// interval is the y of a drop in one interval, its mean and variance, and the h of the
// statistic, see [leastTrials]. A candidate whose mean is lower has fewer events of the
// same worth, and so less variance; the test takes that of both sides together.
func (h Harm) interval(drop, share, candidate float64) (mean, variance, info float64) {
	trials, both := h.Rate*h.every/h.Variation, 1-share+share*candidate
	info = trials * both * both / (both/share + 1/(1-share))
	real := (candidate/share + 1/(1-share)) / trials
	slope := drop * info / both
	return slope * (h.Stable - candidate), slope * slope * real, info
}

// catoni is mean and variance, per second, of the log likelihood ratio of a drop, were
// the sides' difference normal: by Gauss-Hermite quadrature at three points.
func (h Harm) catoni(drop, share, candidate float64) (mean, variance float64) {
	y, w, info := h.interval(drop, share, candidate)
	psi := func(z float64) float64 { return influence(y + z*math.Sqrt(w)) }
	low, mid, high := psi(-math.Sqrt(3)), psi(0), psi(math.Sqrt(3))
	m := (low + 4*mid + high) / 6
	square := (low*low + 4*mid*mid + high*high) / 6
	return (m - math.Log1p(drop*drop/2*info)) / h.every, (square - m*m) / h.every
}

// podShare is the variance per second of what one candidate pod adds.
func (h Harm) podShare(share float64) float64 {
	_, w, _ := h.interval(1-h.fits(h.Candidate), share, h.Candidate)
	own := h.Candidate / share
	return w * own / (own + 1/(1-share)) / float64(h.Pods) / h.every
}

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
	return slices.MaxFunc(dropOdds().Thetas, func(a, b float64) int {
		pace := func(theta float64) float64 { return (1 - theta) * (effect - 0.6*(1-theta)) }
		return cmp.Compare(pace(a), pace(b))
	})
}

// fit is how much the fitted log likelihood ratio grows in a second at that level.
func (h Harm) fit(share, candidate float64) float64 {
	if h.Variation == 0 && (candidate < h.Null()*h.Stable) != h.signal.Fewer() {
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
	one := h.signal.Ratio(h.fits(h.Candidate), share, 1, 1)
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
		bar += math.Log(float64(len(dropOdds().Thetas)))
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
