package analysis

import (
	"math"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A ring has the sides' counts of the newest intervals.
type ring struct {
	keep, seen int
	rows       []sides
}

// sides are opportunities, events and squares of values of candidate and stable.
type sides struct{ all, bad, squares [2]float64 }

func (r *ring) add(now sides) {
	if len(r.rows) < r.keep {
		r.rows = append(r.rows, now)
	} else {
		r.rows[r.seen%r.keep] = now
	}
	r.seen++
}

func (r *ring) at(ago int) sides { return r.rows[(r.seen-1-ago)%r.keep] }

func (l *loss) keep(intervals int) {
	l.past.keep = intervals
	if l.slow != nil {
		for side := range l.slow.hist {
			l.slow.hist[side].keep = intervals
		}
	}
}

// add takes an interval.
func (l *loss) add(counts []PodCount) {
	if l.slow != nil {
		l.slow.recall(counts)
		return
	}
	var now sides
	for k := range counts {
		c := &counts[k]
		i, all, bad := index(c.Role), c.All, c.Bad
		if l.pooled != nil {
			all, bad = l.pooled.pool(l.pooled.of(c))
		}
		now.all[i], now.bad[i], now.squares[i] = now.all[i]+all, now.bad[i]+bad, now.squares[i]+c.Squares
	}
	l.past.add(now)
}

// remembered is how many intervals there are.
func (l *loss) remembered() int {
	if l.slow != nil {
		return len(l.slow.hist[0].past)
	}
	return len(l.past.rows)
}

// row is an interval, whose slow requests are those above a limit.
func (l *loss) row(ago int, limit float64) sides {
	if l.slow == nil {
		return l.past.at(ago)
	}
	return l.slow.slowIn(ago, limit)
}

// over adds up intervals: those from ago on, less than to ago.
func (l *loss) over(from, to int, limit float64) (sum sides) {
	for ago := from; ago < min(to, l.remembered()); ago++ {
		r := l.row(ago, limit)
		for i := range r.all {
			sum.all[i], sum.bad[i], sum.squares[i] = sum.all[i]+r.all[i], sum.bad[i]+r.bad[i], sum.squares[i]+r.squares[i]
		}
	}
	return sum
}

func (l *loss) stableIn(from, to int) bool { return l.over(from, to, math.NaN()).all[1] > 0 }

// A baseline is what intervals are held against where nothing of the same moment is there, as stable.
type baseline struct {
	sides
	limit float64 // what is slow; NaN: of others, and where nobody can tell
}

// besides is stable's rate in the newest n intervals, else in the hour before them.
func (l *loss) besides(n, hour int) (b baseline) {
	b.limit = l.slowFrom(0, n, hour)
	if b.sides = l.over(0, n, b.limit); !(b.all[1] > 0) {
		b.sides = l.over(n, n+hour, b.limit)
	}
	return b
}

// befores is the rate of all traffic in the hour before the newest n intervals.
func (l *loss) befores(n, hour int) (b baseline) {
	b.limit = l.slowFrom(n, n+hour, hour)
	b.sides = l.over(n, n+hour, b.limit).joined(1)
	return b
}

// slowFrom is stable's quantile in some intervals, else in the hour before them.
func (l *loss) slowFrom(from, to, hour int) float64 {
	if l.slow == nil {
		return math.NaN()
	}
	for _, of := range [2][2]int{{from, to}, {to, to + hour}} {
		if v := l.slow.scale.quantile(l.slow.quantile, l.slow.stableIn(of[0], of[1])); v > 0 {
			return v
		}
	}
	return math.NaN()
}

// joined has both sides as one of them.
func (s sides) joined(side int) (out sides) {
	out.all[side], out.bad[side], out.squares[side] = s.all[0]+s.all[1], s.bad[0]+s.bad[1], s.squares[0]+s.squares[1]
	return out
}

// against has the opportunities and events of the candidate beside those of somebody else's stable.
func (s sides) against(other sides) sides {
	s.all[1], s.bad[1], s.squares[1] = other.all[1], other.bad[1], other.squares[1]
	return s
}

func (l *loss) mean() bool { return l.Kind == record.Value }

// beside holds each interval against stable in it, so that neither a change of the weights nor one of
// the hour counts as harm, and those without stable together against the baseline.
func (l *loss) beside(from, to int, of baseline) excess {
	e := excess{mean: l.mean()}
	var alone sides
	for ago := from; ago < min(to, l.remembered()); ago++ {
		r := l.row(ago, of.limit)
		if r.all[1] > 0 {
			e.add(r)
			continue
		}
		alone.all[0], alone.bad[0], alone.squares[0] = alone.all[0]+r.all[0], alone.bad[0]+r.bad[0], alone.squares[0]+r.squares[0]
	}
	e.add(alone.against(of.sides))
	return e
}

// whole holds all traffic against what it was before.
func (l *loss) whole(from, to int, of baseline) excess {
	e := excess{mean: l.mean()}
	e.add(l.over(from, to, of.limit).joined(0).against(of.sides))
	return e
}

// An excess is what was beyond a rate: of c opportunities with x events beside S with s of them,
// p = x/c and q = s/S,
//
//	excess Σ x - c q, variance Σ c p (1-p) + c² q (1-q)/S
//
// and of a mean, with σ² the variances of single trials, σ₀² Σ c + σ₁² Σ c²/S.
type excess struct {
	mean             bool
	all              float64 // opportunities that were held against something
	events, variance float64
	ratio            float64 // Σ c²/S
	sums             sides
	lost             bool // opportunities that nobody can hold against anything
}

func (e *excess) add(r sides) {
	c, x, S, s := r.all[0], r.bad[0], r.all[1], r.bad[1]
	switch {
	case !(c > 0):
		return
	case !(S > 0):
		e.lost = true
		return
	}
	p, q := x/c, s/S
	e.all += c
	e.events += x - c*q
	e.variance += c*p*(1-p) + c*c*q*(1-q)/S
	e.ratio += c * c / S
	for i := range r.all {
		e.sums.all[i], e.sums.bad[i], e.sums.squares[i] = e.sums.all[i]+r.all[i], e.sums.bad[i]+r.bad[i], e.sums.squares[i]+r.squares[i]
	}
}

// normal95 is the two-sided normal quantile of 95 %.
const normal95 = 1.96

// into writes the excess with bounds of 95 % by the normal distribution; false if nobody can tell.
func (e excess) into(of *record.Loss, fewer bool, phi float64) bool {
	if e.lost || !(e.all > 0) {
		return false
	}
	variance := e.variance
	if e.mean {
		variance = e.one(0)*e.all + e.one(1)*e.ratio
	}
	of.All, of.Excess = e.all, e.events
	if fewer {
		of.Excess = -e.events
	}
	spread := normal95 * math.Sqrt(phi*max(0, variance))
	of.Low, of.High = of.Excess-spread, of.Excess+spread
	return !math.IsNaN(of.Excess) && !math.IsNaN(spread)
}

// one is the variance of a single trial of a side.
func (e excess) one(side int) float64 {
	n := e.sums.all[side]
	mean := e.sums.bad[side] / n
	return max(0, e.sums.squares[side]/n-mean*mean)
}

// recall adds the interval to the sides' histograms.
func (f *latency) recall(counts []PodCount) {
	for _, c := range counts {
		f.learn(c.Native)
	}
	for side := range f.hist {
		now := make([]float64, len(f.scale.bounds)+1)
		for k := range counts {
			if index(counts[k].Role) == side {
				now = f.addTo(now, &counts[k])
			}
		}
		f.hist[side].add(now)
	}
}

// slowIn is an interval's requests, and those above a limit.
func (f *latency) slowIn(ago int, limit float64) (r sides) {
	for side := range f.hist {
		h := &f.hist[side]
		counts := h.past[(h.seen-1-ago)%h.keep]
		if r.all[side] = sumOf(counts); r.all[side] > 0 {
			r.bad[side] = r.all[side] * f.scale.above(limit, counts)
		}
	}
	return r
}

// stableIn adds up stable's histograms: those from ago on, less than to ago.
func (f *latency) stableIn(from, to int) []float64 {
	sum, h := make([]float64, len(f.scale.bounds)+1), &f.hist[index(runbook.Stable)]
	for ago := from; ago < min(to, len(h.past)); ago++ {
		for i, v := range h.past[(h.seen-1-ago)%h.keep] {
			sum[i] += v
		}
	}
	return sum
}
