package shadow

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// slice makes a cell's part of the report and enters its hypotheses.
func (c *comparison) slice(at *cell, d *docket) Slice {
	s := Slice{Segment: at.place.segment, Pairs: at.pairs, Compared: at.compared}
	if h := at.place.hour; h != allHours {
		s.Hour = &h
	}
	s.Errors = c.errors(at, d)
	if !at.place.leaf() {
		s.Stable, s.Candidate = latencyOf(&at.latency.stable), latencyOf(&at.latency.candidate)
		s.LatencyP = c.latency(at, d)
	}
	for i := range at.drifts {
		if f := c.scored(i); f != nil {
			s.Scores = append(s.Scores, c.scoreResult(at, i, f, d))
		}
	}
	for i := range at.tallies {
		if t := &at.tallies[i]; t.n > 0 {
			s.Fields = append(s.Fields, c.fieldResult(at, t, c.walk.fields.list[i], d))
		}
	}
	return s
}

func (c *comparison) enough(at *cell, n int64) bool {
	return n > 0 && (at.place.whole() || n >= c.plan.Limits.SegmentSamples)
}

func (c *comparison) errors(at *cell, d *docket) ErrorResult {
	f := at.fails
	e := ErrorResult{Stable: f.onlyStable + f.both, Candidate: f.onlyCandidate + f.both, Rise: rate(f.onlyCandidate-f.onlyStable, at.pairs)}
	if c.enough(at, at.pairs) {
		limit := float64(c.plan.Limits.Errors)
		e.P = d.test(hypothesis{
			rule: RuleErrors, at: at.place, effect: e.Rise, limit: limit,
			p: excessP(f.onlyCandidate, f.onlyStable, at.pairs, limit, true),
		})
	}
	return e
}

func latencyOf(h *histogram) *Latency {
	if h.n == 0 {
		return nil
	}
	return &Latency{h.n, h.quantile(.5), h.quantile(.95), h.quantile(.99)}
}

func (c *comparison) latency(at *cell, d *docket) *float64 {
	stable, candidate := &at.latency.stable, &at.latency.candidate
	if min(stable.n, candidate.n) < c.plan.Limits.SegmentSamples {
		return nil
	}
	limit := float64(c.plan.Limits.Latency)
	h := hypothesis{rule: RuleLatency, at: at.place, effect: candidate.quantile(.95)/stable.quantile(.95) - 1, limit: limit, p: 1}
	if h.effect > limit {
		h.p = slowerP(candidate, stable, .95, 1+limit)
	}
	return d.test(h)
}

// scored returns the first field of a score; a score's path may match several, which
// then share one number.
func (c *comparison) scored(score int) *field {
	for _, f := range c.walk.fields.list {
		if f.score == score {
			return f
		}
	}
	return nil
}

func (c *comparison) scoreResult(at *cell, i int, f *field, d *docket) ScoreResult {
	one := at.drifts[i]
	r := ScoreResult{Path: f.path, N: one.n}
	var p float64
	r.PSI, p, r.PSIn = one.psi()
	limits := c.plan.Limits
	sigma := c.cells[place{"", allHours}].drifts[i].sigma()
	shift, shiftP := one.shift(limits.Shift, sigma)
	r.PSI, r.Shift = finite(r.PSI), finite(shift)
	if one.n < limits.DriftSamples {
		return r
	}
	if r.PSI < limits.PSI {
		p = 1
	}
	r.PSIP = d.test(hypothesis{rule: RuleDrift, field: f.path, at: at.place, effect: r.PSI, limit: limits.PSI, p: p})
	r.ShiftP = d.test(hypothesis{rule: RuleShift, field: f.path, at: at.place, effect: r.Shift, limit: limits.Shift, p: shiftP})
	return r
}

func (c *comparison) fieldResult(at *cell, t *tally, f *field, d *docket) FieldResult {
	e := excessBounds(t.raw, t.n, t.noise, t.noiseN)
	r := FieldResult{
		Path: f.path, N: t.n, Raw: t.raw, RawRate: rate(t.raw, t.n), NoiseN: t.noiseN, Noise: t.noise, NoiseRate: rate(t.noise, t.noiseN),
		Excess: e.at, Low: e.low, High: e.high, Schema: t.rawSchema, Delta: t.delta(),
	}
	if c.enough(at, t.n) {
		limit := float64(c.plan.Limits.SegmentExcess)
		if at.place.whole() {
			limit = float64(c.plan.Limits.Excess)
		}
		r.P = d.test(hypothesis{rule: RuleMismatch, field: f.path, at: at.place, effect: e.at, limit: limit, p: t.mismatchP(limit)})
	}
	return r
}

// mismatchP tests against the noise only if that was measured for most of the pairs:
// a few would say too little about it.
func (t *tally) mismatchP(limit float64) float64 {
	if 2*t.noiseN < t.n {
		return excessP(t.raw, 0, t.n, limit, false)
	}
	return excessP(t.onlyRaw, t.onlyNo, t.noiseN, limit, true)
}

func (t *tally) delta() *Deltas {
	if t.numbers == 0 {
		return nil
	}
	d := &Deltas{Mean: finite(t.deltaSum / float64(t.numbers)), Max: finite(t.deltaMax)}
	if t.deltas != nil {
		p95, p99 := finite(t.deltas.quantile(.95)), finite(t.deltas.quantile(.99))
		d.P95, d.P99 = &p95, &p99
	}
	return d
}

// finite keeps numbers that JSON cannot hold out of the report.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return math.Max(-math.MaxFloat64, math.Min(math.MaxFloat64, v))
}

func rate(k, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

// shorten leaves out fields that never differed and, of a leaf, all but the ten worst.
func shorten(s *Slice) {
	s.Fields = slices.DeleteFunc(s.Fields, func(f FieldResult) bool { return f.Raw == 0 && f.Noise == 0 })
	if s.Segment != "" && s.Hour != nil && len(s.Fields) > 10 {
		slices.SortStableFunc(s.Fields, func(a, b FieldResult) int { return cmp.Compare(b.Excess, a.Excess) })
		s.Fields = s.Fields[:10]
	}
}

// Where names a slice.
func (s Slice) Where() string {
	switch {
	case s.Segment == "" && s.Hour == nil:
		return "all traffic"
	case s.Hour == nil:
		return s.Segment
	case s.Segment == "":
		return fmt.Sprintf("%02d o'clock", *s.Hour)
	}
	return fmt.Sprintf("%s, %02d o'clock", s.Segment, *s.Hour)
}
