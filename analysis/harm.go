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
	if err == nil && (!Comparative(t) || s.parted || s.isTraffic()) {
		err = fmt.Errorf("there is no planning formula for %s", t.Type)
	}
	if err != nil {
		return Harm{}, fmt.Errorf("harm of %s: trigger %q: %w", rb.Service, t.Name, err)
	}
	h := Harm{Pods: 1, Dispersion: 1, signal: s, every: rb.Metrics.Interval.Std().Seconds()}
	h.release, h.trailing = Bars(Proved(rb), rb.Metrics.Interval.Std())
	return h, nil
}

// Null is the odds ratio up to which a difference is no harm.
func (h Harm) Null() float64 { return h.signal.family.Null }

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
	return h.signal.family.Ratio(theta, share, bad, bad+h.Rate*(1-share)*h.Stable)
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
	for _, theta := range h.signal.family.Thetas {
		out = append(out, h.pace(theta, share, candidate))
	}
	return out
}

// best is the odds ratio of the grid that gathers evidence fastest.
func (h Harm) best(share float64) float64 {
	return slices.MaxFunc(h.signal.family.Thetas, func(a, b float64) int {
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
