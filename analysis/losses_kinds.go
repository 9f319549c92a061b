package analysis

import (
	"github.com/autorollback/autorollback/record"
)

// eventsLost holds the candidate's events of each interval against stable's share of the same
// interval, so that neither a change of the weights nor one of the hour counts as harm: with
// c opportunities and x events of the candidate, S and s of stable, p = x/c and q = s/S,
//
//	excess Σ x - c q, variance Σ c p (1-p) + c² q (1-q)/S
//
// Intervals without stable are held against its share of all of them.
type eventsLost struct {
	fewer  bool // harm is fewer of them
	sums   excess
	alone  [2]float64 // the candidate's opportunities and events where stable had none
	stable [2]float64
	all    float64
}

// An excess with its variance by chance.
type excess struct{ events, variance float64 }

// add holds c opportunities with x events against S with s of them.
func (e *excess) add(c, x, S, s float64) {
	p, q := x/c, s/S
	e.events += x - c*q
	e.variance += c*p*(1-p) + c*c*q*(1-q)/S
}

func (l *eventsLost) add(counts []PodCount) {
	all, bad, _ := totalsOf(counts)
	l.all += all[0]
	l.stable[0], l.stable[1] = l.stable[0]+all[1], l.stable[1]+bad[1]
	switch {
	case !(all[0] > 0):
	case all[1] > 0:
		l.sums.add(all[0], bad[0], all[1], bad[1])
	default:
		l.alone[0], l.alone[1] = l.alone[0]+all[0], l.alone[1]+bad[0]
	}
}

func (l *eventsLost) sum(of *record.Loss) (variance float64, ok bool) {
	sums := l.sums
	if l.alone[0] > 0 && l.stable[0] > 0 {
		sums.add(l.alone[0], l.alone[1], l.stable[0], l.stable[1])
	}
	if of.All, of.Excess = l.all, sums.events; l.fewer {
		of.Excess = -sums.events
	}
	return sums.variance, l.all > 0 && l.stable[0] > 0
}

// slowLost are requests slower than stable's quantile over all the intervals, read from the
// histograms of both sides: of the candidate beyond stable's share.
type slowLost struct{ *latency }

func newSlowLost(f *latency) slowLost {
	for side := range f.hist {
		f.hist[side].past = [][]float64{make([]float64, len(f.scale.bounds)+1)}
	}
	return slowLost{f}
}

func (l slowLost) add(counts []PodCount) {
	for k := range counts {
		c := &counts[k]
		l.learn(c.Native)
		sum := &l.hist[index(c.Role)].past[0]
		*sum = l.addTo(*sum, c)
	}
}

func (l slowLost) sum(of *record.Loss) (variance float64, ok bool) {
	candidate, stable := l.hist[0].past[0], l.hist[1].past[0]
	limit := l.scale.quantile(l.quantile, stable)
	c, s := sumOf(candidate), sumOf(stable)
	if !(c > 0) || !(s > 0) {
		return 0, false
	}
	var e excess
	e.add(c, c*l.scale.above(limit, candidate), s, s*l.scale.above(limit, stable))
	of.All, of.Excess, of.Limit = c, e.events, l.seconds(limit)
	return e.variance, true
}

// valueLost is of a KPI that is a mean: what the candidate's trials would have brought at stable's
// mean, less what they did; the variances are those of single trials.
type valueLost struct{ all, sums, squares [2]float64 }

func (l *valueLost) add(counts []PodCount) {
	all, bad, squares := totalsOf(counts)
	for i := range all {
		l.all[i], l.sums[i], l.squares[i] = l.all[i]+all[i], l.sums[i]+bad[i], l.squares[i]+squares[i]
	}
}

func (l *valueLost) sum(of *record.Loss) (variance float64, ok bool) {
	n := l.all
	if !(n[0] > 0) || !(n[1] > 0) {
		return 0, false
	}
	mean := [2]float64{l.sums[0] / n[0], l.sums[1] / n[1]}
	of.All, of.Excess = n[0], n[0]*(mean[1]-mean[0])
	one := func(i int) float64 { return max(0, l.squares[i]/n[i]-mean[i]*mean[i]) }
	return n[0]*one(0) + n[0]*n[0]*one(1)/n[1], true
}
