package diff

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/shadow/stat"
)

// slice makes a bucket's part of the report and enters its hypotheses.
func (c *comparison) slice(b *bucket, d *family) Slice {
	s := Slice{Segment: b.segment.segment, Pairs: b.pairs, Compared: b.compared}
	if h := b.segment.hour; h != allHours {
		s.Hour = &h
	}
	s.Errors = c.errors(b, d)
	if !b.segment.isLeaf() {
		s.Stable, s.Candidate = latencyOf(&b.latency.stable), latencyOf(&b.latency.candidate)
		s.LatencyP = c.latency(b, d)
	}
	for i := range b.drifts {
		if f := c.scored(i); f != nil {
			s.Scores = append(s.Scores, c.scoreResult(b, i, f, d))
		}
	}
	for i := range b.fields {
		if t := &b.fields[i]; t.n > 0 {
			s.Fields = append(s.Fields, c.fieldResult(b, t, c.comparator.fields.list[i], d))
		}
	}
	return s
}

func (c *comparison) enough(b *bucket, n int64) bool {
	return n > 0 && (b.segment.isTotal() || n >= c.plan.Limits.SegmentSamples)
}

func (c *comparison) errors(b *bucket, d *family) ErrorResult {
	f := b.failures
	e := ErrorResult{Stable: f.onlyStable + f.both, Candidate: f.onlyCandidate + f.both, Rise: rate(f.onlyCandidate-f.onlyStable, b.pairs)}
	if c.enough(b, b.pairs) {
		limit := float64(c.plan.Limits.Errors)
		e.P = d.add(hypothesis{
			rule: RuleErrors, at: b.segment, effect: e.Rise, limit: limit,
			p: stat.ExcessP(f.onlyCandidate, f.onlyStable, b.pairs, limit, true),
		})
	}
	return e
}

func latencyOf(h *stat.Histogram) *Latency {
	if h.N == 0 {
		return nil
	}
	return &Latency{h.N, h.Quantile(.5), h.Quantile(.95), h.Quantile(.99)}
}

func (c *comparison) latency(b *bucket, d *family) *float64 {
	stable, candidate := &b.latency.stable, &b.latency.candidate
	if min(stable.N, candidate.N) < c.plan.Limits.SegmentSamples {
		return nil
	}
	limit := float64(c.plan.Limits.Latency)
	h := hypothesis{rule: RuleLatency, at: b.segment, effect: candidate.Quantile(.95)/stable.Quantile(.95) - 1, limit: limit, p: 1}
	if h.effect > limit {
		h.p = stat.SlowerP(candidate, stable, .95, 1+limit)
	}
	return d.add(h)
}

// scored returns the first field of a score; a score's path may match several, which
// then share one number.
func (c *comparison) scored(score int) *field {
	for _, f := range c.comparator.fields.list {
		if f.score == score {
			return f
		}
	}
	return nil
}

func (c *comparison) scoreResult(b *bucket, i int, f *field, d *family) ScoreResult {
	one := b.drifts[i]
	r := ScoreResult{Path: f.path, N: one.N}
	var p float64
	r.PSI, p, r.PSIn = one.PSI()
	limits := c.plan.Limits
	sigma := c.buckets[segment{"", allHours}].drifts[i].Sigma()
	shift, shiftP := one.Shift(limits.Shift, sigma)
	r.PSI, r.Shift = finite(r.PSI), finite(shift)
	if one.N < limits.DriftSamples {
		return r
	}
	if r.PSI < limits.PSI {
		p = 1
	}
	r.PSIP = d.add(hypothesis{rule: RuleDrift, field: f.path, at: b.segment, effect: r.PSI, limit: limits.PSI, p: p})
	r.ShiftP = d.add(hypothesis{rule: RuleShift, field: f.path, at: b.segment, effect: r.Shift, limit: limits.Shift, p: shiftP})
	return r
}

func (c *comparison) fieldResult(b *bucket, t *fieldCounts, f *field, d *family) FieldResult {
	e := stat.ExcessBounds(t.raw, t.n, t.noise, t.noiseN)
	r := FieldResult{
		Path: f.path, N: t.n, Raw: t.raw, RawRate: rate(t.raw, t.n), NoiseN: t.noiseN, Noise: t.noise, NoiseRate: rate(t.noise, t.noiseN),
		Excess: e.At, Low: e.Low, High: e.High, Schema: t.rawSchema, Delta: t.delta(),
	}
	if c.enough(b, t.n) {
		limit := float64(c.plan.Limits.SegmentExcess)
		if b.segment.isTotal() {
			limit = float64(c.plan.Limits.Excess)
		}
		r.P = d.add(hypothesis{rule: RuleMismatch, field: f.path, at: b.segment, effect: e.At, limit: limit, p: t.mismatchP(limit)})
	}
	return r
}

// mismatchP tests against the noise only if that was measured for most of the pairs:
// a few would say too little about it.
func (t *fieldCounts) mismatchP(limit float64) float64 {
	if 2*t.noiseN < t.n {
		return stat.ExcessP(t.raw, 0, t.n, limit, false)
	}
	return stat.ExcessP(t.onlyRaw, t.onlyNo, t.noiseN, limit, true)
}

func (t *fieldCounts) delta() *Deltas {
	if t.numbers == 0 {
		return nil
	}
	d := &Deltas{Mean: finite(t.deltaSum / float64(t.numbers)), Max: finite(t.deltaMax)}
	if t.deltas != nil {
		p95, p99 := finite(t.deltas.Quantile(.95)), finite(t.deltas.Quantile(.99))
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
