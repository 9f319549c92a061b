package diff

import (
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/stat"
)

// A segment is a slice of the traffic: everything, a segment, an hour, or a segment in
// an hour.
type segment struct {
	segment string // "country=DE"; empty: all
	hour    int    // 0 to 23 in the plan's zone; allHours: all
}

const allHours = -1

func (p segment) isTotal() bool { return p.segment == "" && p.hour == allHours }
func (p segment) isLeaf() bool  { return p.segment != "" && p.hour != allHours }

// How many pairs a slice keeps for its PSI.
const (
	sampleTotal  = 8192
	sampleMiddle = 2048
)

func (p segment) sampleSize() int {
	switch {
	case p.isTotal():
		return sampleTotal
	case p.isLeaf():
		return shadow.MaxDriftSamples
	}
	return sampleMiddle
}

// A bucket is everything counted in one segment.
type bucket struct {
	segment  segment
	pairs    int64
	compared int64 // both answers were good
	failures struct{ onlyStable, onlyCandidate, both int64 }
	latency  struct{ stable, candidate stat.Histogram }
	fields   []fieldCounts
	drifts   []*stat.Drift
}

// A tally counts one field in one segment.
type fieldCounts struct {
	n, raw          int64 // pairs with the field; of those, with a mismatch
	noiseN, noise   int64 // the same of stable against itself
	onlyRaw, onlyNo int64 // of the pairs that have both: mismatch without noise, noise without mismatch
	rawSchema       int64
	noiseSchema     int64
	schemaOnlyRaw   int64
	schemaOnlyNoise int64
	numbers         int64
	deltaSum        float64
	deltaMax        float64
	deltas          *stat.Histogram // not in leaves
}

func (c *bucket) field(index int) *fieldCounts {
	for len(c.fields) <= index {
		c.fields = append(c.fields, fieldCounts{})
	}
	return &c.fields[index]
}

// count adds one field's observation. again says whether the noise was measured.
func (c *bucket) count(f *field, again bool) {
	t, o := c.field(f.index), &f.seen
	t.n++
	if o.raw != 0 {
		t.raw++
	}
	if o.raw.schema() {
		t.rawSchema++
	}
	if o.numeric {
		t.number(o.delta, !c.segment.isLeaf())
	}
	if !again {
		return
	}
	t.noiseN++
	if o.noise != 0 {
		t.noise++
	}
	if o.noise.schema() {
		t.noiseSchema++
	}
	countDiscordant(&t.onlyRaw, &t.onlyNo, o.raw != 0, o.noise != 0)
	countDiscordant(&t.schemaOnlyRaw, &t.schemaOnlyNoise, o.raw.schema(), o.noise.schema())
}

func countDiscordant(onlyA, onlyB *int64, a, b bool) {
	if a && !b {
		*onlyA++
	}
	if b && !a {
		*onlyB++
	}
}

func (t *fieldCounts) number(delta float64, keep bool) {
	t.numbers++
	t.deltaSum += delta
	t.deltaMax = max(t.deltaMax, delta)
	if !keep {
		return
	}
	if t.deltas == nil {
		t.deltas = &stat.Histogram{}
	}
	t.deltas.Add(delta)
}

func (c *bucket) score(index int, hash uint64, stable, candidate float64) {
	for len(c.drifts) <= index {
		c.drifts = append(c.drifts, &stat.Drift{Keep: c.segment.sampleSize()})
	}
	c.drifts[index].Add(hash, stable, candidate)
}

// countAnswers counts failures and times; it says whether the bodies can be compared.
func (c *bucket) countAnswers(p *shadow.Pair) bool {
	c.pairs++
	stable, candidate := p.Stable.Good(), p.Candidate.Good()
	countDiscordant(&c.failures.onlyStable, &c.failures.onlyCandidate, !stable, !candidate)
	if !stable && !candidate {
		c.failures.both++
	}
	if !c.segment.isLeaf() {
		addLatency(&c.latency.stable, p.Stable)
		addLatency(&c.latency.candidate, p.Candidate)
	}
	if stable && candidate {
		c.compared++
		return true
	}
	return false
}

// addLatency counts how long an answer took; an answer that never came is an error, not slow.
func addLatency(h *stat.Histogram, a shadow.Answer) {
	if a.LatencyMS > 0 && a.Error == "" {
		h.Add(a.LatencyMS)
	}
}
