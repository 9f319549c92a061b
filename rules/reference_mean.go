package rules

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// A meanTrail is what is known of single trials since the release began, for a signal
// that is a mean: trials, sum and squares of candidate and stable.
type meanTrail struct {
	all, sum, squares [2]trail
	level             float64    // mean of a trial; 0: not known yet
	variance          [2]float64 // of a trial of each side
}

// moments takes the interval and works out mean and variances over the window.
func (m *meanTrail) moments(all, sum, squares [2]float64, window int) {
	var n, s, q [2]float64
	for i := range all {
		m.all[i].add(all[i])
		m.sum[i].add(sum[i])
		m.squares[i].add(squares[i])
		n[i], s[i], q[i] = m.all[i].last(window), m.sum[i].last(window), m.squares[i].last(window)
	}
	trials, total, squared := n[0]+n[1], s[0]+s[1], q[0]+q[1]
	m.level = 0
	if !(trials > 0) || !(total*total >= leastTrials*squared) || !(total > 0) {
		return
	}
	m.level = total / trials
	pooled := squared/trials - (1-leastVariance)*m.level*m.level
	for i := range n {
		m.variance[i] = pooled
		if own := q[i]/n[i] - (1-leastVariance)*(s[i]/n[i])*(s[i]/n[i]); n[i] > 0 && own > pooled {
			m.variance[i] = own
		}
	}
}

// skip lets an interval pass in which nothing is recorded.
func (m *meanTrail) skip() {
	for i := range m.all {
		m.all[i].add(0)
		m.sum[i].add(0)
		m.squares[i].add(0)
	}
}

// judgeMean adds the interval's log likelihood ratios of a mean, of all and of each
// candidate pod.
func (r *Reference) judgeMean() {
	var all, sum, squares [2]float64
	for _, p := range r.pods {
		i := sideIndex(p.role)
		all[i], sum[i], squares[i] = all[i]+p.nowAll, sum[i]+p.nowBad, squares[i]+p.nowSquares
	}
	m := &r.means
	m.moments(all, sum, squares, r.windows[0])
	r.tells(m.level > 0 && all[0] > 0 && all[1] > 0)
	for i, theta := range r.signal.family.thetas {
		r.ratios[i].add(catoniRatio(1-theta, m.level, m.variance, all, sum))
	}
	for _, p := range r.pods {
		rest := all[0] - p.nowAll
		judged := p.role == runbook.Candidate && m.level > 0 && p.nowAll > 0 && rest > 0 && all[1] > 0
		p.judged.add(count(judged))
		for k, theta := range meanFamily().thetas {
			influence := 0.0
			if judged {
				influence = catoniRatio(1-theta, m.level, m.variance, all, sum) -
					catoniRatio(1-theta, m.level, m.variance, [2]float64{rest, all[1]}, [2]float64{sum[0] - p.nowBad, sum[1]})
			}
			p.meanInfluence[k].add(influence)
		}
	}
}

func count(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// meanWithoutPod is what remains where, of each drop, the most harmful pod is left out.
func (r *Reference) meanWithoutPod(span int, phi float64) float64 {
	sum, known, window := 0.0, false, r.windows[span]
	for k := range meanFamily().thetas {
		worst := math.Inf(-1)
		for _, p := range r.pods {
			if p.role == runbook.Candidate && p.judged.last(window) > 0 {
				worst, known = max(worst, p.meanInfluence[k].last(window)), true
			}
		}
		sum += math.Exp(min(max((r.ratios[k].last(window)-worst)/phi, -600), 600))
	}
	if !known || !r.judges(span) {
		return math.NaN()
	}
	return math.Log(sum / float64(len(meanFamily().thetas)))
}

// spread is the variance that chance gives to one opportunity of a stable pod.
func (r *Reference) spread(level float64) float64 {
	switch {
	case !r.signal.isMean():
		return level * (1 - level)
	case r.means.level > 0:
		return r.means.variance[sideIndex(runbook.Stable)]
	}
	return 0
}
