package analysis

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

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
	// leastVariance is added to the variance, as a share of the squared mean: values
	// that are all alike have none, and every difference would be proof.
	leastVariance = 1e-4
)

// moments are what is known of single trials since the release began: trials, sum and
// squares of candidate and stable.
type moments struct {
	all, sum, squares [2]float64
	level             float64    // mean of a trial; 0: not known yet
	variance          [2]float64 // of a trial of each side
}

// take adds the interval and works out mean and variances.
func (m *moments) take(all, sum, squares [2]float64) {
	for i := range all {
		m.all[i] += all[i]
		m.sum[i] += sum[i]
		m.squares[i] += squares[i]
	}
	n, s, q := m.all, m.sum, m.squares
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

// mean is of values, such as revenue per request.
type mean struct {
	events
	moments moments
}

func openKPI(rb *runbook.Runbook, t runbook.Trigger) (signal, error) {
	kpi, ok := rb.KPI(t.KPI)
	if !ok {
		return signal{}, fmt.Errorf("kpi %q is not declared", t.KPI)
	}
	s, err := errorSignal(drop())
	s.Odds = dropOdds()
	if kpi.IsMean() {
		s.family, s.guarded, s.leastOdds = &mean{events: drop()}, false, leastMeanOdds
	}
	return s, err
}

func (*mean) remember(t *Test, p *pod) {
	p.judged = newTotal(t.windows[1])
	for range t.signal.Thetas {
		p.influence = append(p.influence, t.newRatio())
	}
}

func (*mean) before(*Test, []PodCount) {}

func (f *mean) apart(t *Test) (num, den float64) {
	return scatter(t.pods, t.level, func(float64) float64 {
		if f.moments.level > 0 {
			return f.moments.variance[index(runbook.Stable)]
		}
		return 0
	})
}

// judge adds the interval's log likelihood ratios of a mean, of all and of each
// candidate pod.
func (f *mean) judge(t *Test) {
	all, sum := t.sideAll, t.sideBad
	m := &f.moments
	m.take(all, sum, t.sideSquares)
	t.begin(m.level > 0 && all[0] > 0 && all[1] > 0)
	thetas := t.signal.Thetas
	ratios := make([]float64, len(thetas))
	for i, theta := range thetas {
		ratios[i] = Catoni(1-theta, m.level, m.variance, all, sum)
		t.ratios[i].add(ratios[i])
	}
	for _, p := range t.pods {
		if p.role != runbook.Candidate || p.gone {
			continue
		}
		rest := all[0] - p.nowAll
		judged := m.level > 0 && p.nowAll > 0 && rest > 0 && all[1] > 0
		p.judged.add(indicator(judged))
		for k, theta := range thetas {
			adds := 0.0
			if judged {
				adds = ratios[k] - Catoni(1-theta, m.level, m.variance, [2]float64{rest, all[1]}, [2]float64{sum[0] - p.nowBad, sum[1]})
			}
			p.influence[k].add(adds)
		}
	}
}

// Catoni is the log likelihood ratio of a drop in one interval: from trials and sums of
// candidate and stable, the mean of all trials and the variances of each side's. 0 where a
// side is missing.
func Catoni(drop, mean float64, variance, all, sum [2]float64) float64 {
	if !(mean > 0) || !(all[0] > 0) || !(all[1] > 0) {
		return 0
	}
	info := mean * mean / (variance[0]/all[0] + variance[1]/all[1])
	y := drop * info / mean * (sum[1]/all[1] - sum[0]/all[0])
	return influence(y) - math.Log1p(drop*drop/2*info)
}

// influence is Catoni's function: sgn(y) ln(1 + |y| + y²/2).
func influence(y float64) float64 { return math.Copysign(math.Log1p(math.Abs(y)+y*y/2), y) }

// withoutPods is what remains where, of each drop, the most harmful pod is left out.
func (*mean) withoutPods(t *Test, span int, phi, _ float64) float64 {
	sum, known, window := 0.0, false, t.windows[span]
	for k := range t.ratios {
		worst := math.Inf(-1)
		for _, p := range t.pods {
			if p.role == runbook.Candidate && p.judged.last(window) > 0 {
				worst, known = max(worst, p.influence[k].last(window)), true
			}
		}
		sum += math.Exp(min(max((t.ratios[k].last(window)-worst)/phi, -600), 600))
	}
	if !known || !t.judges(span) {
		return math.NaN()
	}
	return math.Log(sum / float64(len(t.ratios)))
}

// suppose is for a candidate whose values are lower; intervals are all alike.
func (f *mean) suppose(t *Test, h *hypothesis) bool {
	all := t.bothSides(opportunities)
	if !(f.moments.level > 0) || !(all[0] > 0) || !(all[1] > 0) {
		return false
	}
	n, m := float64(h.window), &f.moments
	ratios := func(size, kept float64) []float64 {
		each := [2]float64{kept * all[0] / n, all[1] / n}
		sum := [2]float64{each[0] * m.level * (1 - size), each[1] * m.level}
		out := make([]float64, len(t.ratios))
		for k, theta := range t.signal.Thetas {
			out[k] = n * Catoni(1-theta, m.level, m.variance, each, sum)
		}
		return out
	}
	h.ratios = func(size float64) []float64 { return ratios(size, 1) }
	if pods := t.active(runbook.Candidate); t.Guarded && pods > 1 {
		h.widespread = func(o overlap, size float64) bool {
			now := ratios(size, 1-1/float64(pods))
			for k := range now {
				now[k] = (t.earlier(&t.ratios[k], o) - t.earlierWorst(k, o) + o.part*now[k]) / h.phi
			}
			return mixture(now) > t.signal.guardBar()
		}
	}
	h.between, h.effect = [2]float64{0, 1}, rest
	return true
}

// earlierWorst is what the most harmful pod added before the harm.
func (t *Test) earlierWorst(k int, o overlap) float64 {
	worst := math.Inf(-1)
	for _, p := range t.pods {
		if p.role == runbook.Candidate {
			worst = max(worst, t.earlier(&p.influence[k], o))
		}
	}
	return worst
}
