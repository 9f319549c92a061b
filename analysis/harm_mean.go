package analysis

import "math"

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
