package rules

import "math"

// A mean, such as the revenue per request, has no events to tell whose they are. Its
// statistic holds the means of the two sides of one interval against each other. With
// D their difference, stable less candidate, v its variance and δ a drop,
//
//	y = δ D/v, w = δ²/v
//	llr = sgn(y) ln(1 + |y| + y²/2) - ln(1 + w/2)
//
// which is Catoni's influence function (2012), as Wang and Ramdas use it (Catoni-style
// confidence sequences for heavy-tailed mean estimation, 2023). Where D has mean 0 and
// variance v, exp of it has a mean of at most 1, whatever the distribution: an interval
// of one great order cannot speak louder than its variance allows, so the values need
// not be normal, nor their intervals long. For small y it is the likelihood ratio of
// the normal distribution, y - w/2. The means and variances of single trials are those
// of all intervals since the release began, and so v is estimated: of the two sides
// together, or of a side alone where that varies more.
const (
	// leastTrials is how many trials of equal value the values seen so far must be
	// worth, Kish's (Σx)²/Σx², before a variance is believed.
	leastTrials = 30
	// leastMeanEvidence is what must remain of an e-value without any one pod: odds of
	// 100 : 1.
	leastMeanEvidence = 100.0
	// leastVariance is added to the variance, as a share of the squared mean: values
	// that are all alike have none, and every difference would be proof.
	leastVariance = 1e-4
)

// meanFamily has the drops of the kpi family. Its guard is its own.
func meanFamily() family { return family{name: "mean", null: 1, thetas: kpiFamily().thetas} }

func (s signal) isMean() bool { return s.family.name == meanFamily().name }

// catoniRatio is the log likelihood ratio of a drop in one interval, from sums and trials
// of candidate and stable, and the variances of their trials. 0 where a side is missing.
func catoniRatio(drop, mean float64, variance, all, sum [2]float64) float64 {
	if !(mean > 0) || !(all[0] > 0) || !(all[1] > 0) {
		return 0
	}
	info := mean * mean / (variance[0]/all[0] + variance[1]/all[1])
	y := drop * info / mean * (sum[1]/all[1] - sum[0]/all[0])
	return math.Copysign(math.Log1p(math.Abs(y)+y*y/2), y) - math.Log1p(drop*drop/2*info)
}
