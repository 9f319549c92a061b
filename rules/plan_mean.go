package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// assumedSpread is that of a revenue where 3 % of the trials bring anything, and what
// they bring is log-normal with sigma 1: √(e/0.03).
const assumedSpread = 9.5

// variation is the squared coefficient of variation of one trial.
func (k Baseline) variation() float64 {
	if k.Spread > 0 {
		return k.Spread * k.Spread
	}
	return (1 - k.Rate) / k.Rate
}

// need is how many trials each of two samples needs to tell the level from one that is
// lower by a share of it.
func (k Baseline) need(lower float64) float64 {
	if k.Spread > 0 {
		return meanTrials(k.Spread*k.Spread, lower)
	}
	return trials(k.Rate, k.Rate*(1-lower))
}

// meanTrials is [trials] for a mean: 2 cv² (zα+zβ)²/lower².
func meanTrials(variation, lower float64) float64 {
	if !(lower > 0 && lower < 1) {
		return math.Inf(1)
	}
	return math.Ceil(2 * variation * math.Pow((2.326+0.842)/lower, 2))
}

// level writes the KPI's level in its unit.
func (p Plan) level(k runbook.KPI, value float64) string {
	if !k.IsMean() {
		return short(value)
	}
	text := fmt.Sprintf("%.3g", value)
	if k.Unit != "" {
		text += " " + k.Unit
	}
	return text
}

// meanHarm is a drop of a mean, whose level is 1 where stable is.
func (p Plan) meanHarm(h harm, k Baseline, effect float64) harm {
	h.stable, h.candidate, h.guard = 1, 1-effect, guardOf(effect)
	h.variation, h.every = k.variation(), p.book.Metrics.Interval.Std().Seconds()
	return h
}

// guardOf is the one that gathers fastest for a drop, of those that the pod guard asks
// for; the others cost it their share of the average. By itself a drop gains its product
// with the effect less half of it; a little more than half, for greater drops make more
// of the difference between pods.
func guardOf(effect float64) float64 {
	return slices.MaxFunc(meanFamily().thetas, func(a, b float64) int {
		pace := func(theta float64) float64 { return (1 - theta) * (effect - 0.6*(1-theta)) }
		return cmp.Compare(pace(a), pace(b))
	})
}

// guardBar is what must remain without any one pod.
func (h harm) guardBar() float64 {
	bar := signal{family: h.family}.guardBar()
	if h.variation > 0 {
		bar += math.Log(float64(len(meanFamily().thetas)))
	}
	return bar
}

// unbelieved is how long the variance of a mean is not believed yet, in seconds.
func (h harm) unbelieved() float64 {
	if h.variation == 0 {
		return 0
	}
	return leastTrials * (1 + h.variation) / h.rate
}

// interval is the y of a drop in one interval, its mean and variance, and the h of the
// statistic, see [leastTrials]. A candidate whose mean is lower has fewer events of the
// same worth, and so less variance; the rules take that of both sides together.
func (h harm) interval(drop, share, candidate float64) (mean, variance, info float64) {
	trials, both := h.rate*h.every/h.variation, 1-share+share*candidate
	info = trials * both * both / (both/share + 1/(1-share))
	real := (candidate/share + 1/(1-share)) / trials
	slope := drop * info / both
	return slope * (h.stable - candidate), slope * slope * real, info
}

// catoni is mean and variance, per second, of the log likelihood ratio of a drop, were
// the sides' difference normal: by Gauss-Hermite quadrature at three points.
func (h harm) catoni(drop, share, candidate float64) (mean, variance float64) {
	y, w, info := h.interval(drop, share, candidate)
	psi := func(z float64) float64 {
		v := y + z*math.Sqrt(w)
		return math.Copysign(math.Log1p(math.Abs(v)+v*v/2), v)
	}
	low, mid, high := psi(-math.Sqrt(3)), psi(0), psi(math.Sqrt(3))
	m := (low + 4*mid + high) / 6
	square := (low*low + 4*mid*mid + high*high) / 6
	return (m - math.Log1p(drop*drop/2*info)) / h.every, (square - m*m) / h.every
}

// podShare is the variance per second of what one candidate pod adds.
func (h harm) podShare(share float64) float64 {
	_, w, _ := h.interval(1-h.guard, share, h.candidate)
	own := h.candidate / share
	return w * own / (own + 1/(1-share)) / float64(h.pods) / h.every
}
