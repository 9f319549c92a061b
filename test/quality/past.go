package quality

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Past is what each side did since the release began, for judges that look back
// over windows.
type Past struct {
	shape Shape
	sides [2][]Reading // running totals, one for each tick: candidate, stable
	due   []float64    // running total of the requests that the candidate should have got
}

func newPast(s Shape) *Past { return &Past{shape: s} }

func (p *Past) add(f Frame) {
	var all [2]Reading
	for side := range all {
		all[side] = make(Reading, p.shape.size())
		if n := len(p.sides[side]); n > 0 {
			copy(all[side], p.sides[side][n-1])
		}
	}
	requests := 0.0
	for _, g := range f.Pods {
		side := all[1]
		if g.Role == runbook.Candidate {
			side = all[0]
		}
		for i, v := range g.By {
			side[i] += v
		}
		requests += g.By[atGood] + g.By[atFailed]
	}
	for side := range all {
		p.sides[side] = append(p.sides[side], all[side])
	}
	due := requests * f.Percent / 100
	if math.IsNaN(due) {
		due = 0
	}
	if n := len(p.due); n > 0 {
		due += p.due[n-1]
	}
	p.due = append(p.due, due)
}

// over is what both sides did in a window that ends at the newest tick, or that many
// windows earlier.
func (p *Past) over(window time.Duration, earlier int) look {
	n := int(window / p.shape.Interval)
	to := len(p.due) - 1 - earlier*n
	from := to - n
	l := look{shape: p.shape}
	l.candidate, l.stable = p.between(0, from, to), p.between(1, from, to)
	if to >= 0 {
		l.due = p.due[to]
	}
	if from >= 0 {
		l.due -= p.due[from]
	}
	return l
}

func (p *Past) between(side, from, to int) Reading {
	out := make(Reading, p.shape.size())
	if to < 0 {
		return out
	}
	copy(out, p.sides[side][to])
	if from >= 0 {
		for i, v := range p.sides[side][from] {
			out[i] -= v
		}
	}
	return out
}

// A look is both sides over one window.
type look struct {
	shape             Shape
	candidate, stable Reading
	due               float64
}

func requests(r Reading) float64   { return r[atGood] + r[atFailed] }
func errorRate(r Reading) float64  { return r[atFailed] / requests(r) }
func conversion(r Reading) float64 { return r[atSuccesses] / r[atTrials] }
func mismatches(r Reading) float64 { return r[atMismatches] / r[atChecks] }

func (l look) nulls(r Reading, feature int) float64 {
	return r[l.shape.nulls(feature)] / r[l.shape.rows(feature)]
}

// quantile reads the latency histogram, linear within a bucket. NaN without data.
func (l look) quantile(q float64, r Reading) float64 {
	from := l.shape.latency()
	counts := r[from : from+buckets(l.shape.Latency)]
	total := 0.0
	for _, v := range counts {
		total += v
	}
	if !(total > 0) {
		return math.NaN()
	}
	rank, below, low := q*total, 0.0, 0.0
	for i, high := range l.shape.Latency {
		if below+counts[i] >= rank && counts[i] > 0 {
			return low + (high-low)*(rank-below)/counts[i]
		}
		below, low = below+counts[i], high
	}
	return l.shape.Latency[len(l.shape.Latency)-1]
}

// cumulated is the share of the score at or below each bound.
func (l look) cumulated(r Reading) []float64 {
	from := l.shape.score()
	counts := r[from : from+buckets(l.shape.Score)]
	out := make([]float64, len(counts))
	sum := 0.0
	for i, v := range counts {
		sum += v
		out[i] = sum
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// distance is the greatest gap between the cumulated shares.
func (l look) distance() float64 {
	c, s := l.cumulated(l.candidate), l.cumulated(l.stable)
	worst := math.NaN()
	for i := range c {
		if d := math.Abs(c[i] - s[i]); !math.IsNaN(d) && !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// missing is the greatest rise of missing values over the features.
func (l look) missing() float64 {
	worst := math.NaN()
	for i := range l.shape.Features {
		if d := l.nulls(l.candidate, i) - l.nulls(l.stable, i); !math.IsNaN(d) && !(d <= worst) {
			worst = d
		}
	}
	return worst
}
