package shadow

// A place is a slice of the traffic: everything, a segment, an hour, or a segment in
// an hour.
type place struct {
	segment string // "country=DE"; empty: all
	hour    int    // 0 to 23 in the plan's zone; allHours: all
}

const allHours = -1

func (p place) whole() bool { return p.segment == "" && p.hour == allHours }
func (p place) leaf() bool  { return p.segment != "" && p.hour != allHours }

// How many pairs a slice keeps for its PSI.
const (
	keepWhole  = 8192
	keepMiddle = 2048
)

func (p place) keep() int {
	switch {
	case p.whole():
		return keepWhole
	case p.leaf():
		return MaxDriftSamples
	}
	return keepMiddle
}

// A cell is everything counted in one place.
type cell struct {
	place    place
	pairs    int64
	compared int64 // both answers were good
	fails    struct{ onlyStable, onlyCandidate, both int64 }
	latency  struct{ stable, candidate histogram }
	tallies  []tally
	drifts   []*drift
}

// A tally counts one field in one place.
type tally struct {
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
	deltas          *histogram // not in leaves
}

func (c *cell) tally(index int) *tally {
	for len(c.tallies) <= index {
		c.tallies = append(c.tallies, tally{})
	}
	return &c.tallies[index]
}

// fold adds one field's observation. again says whether the noise was measured.
func (c *cell) fold(f *field, again bool) {
	t, o := c.tally(f.index), &f.seen
	t.n++
	if o.raw != 0 {
		t.raw++
	}
	if o.raw.schema() {
		t.rawSchema++
	}
	if o.numeric {
		t.number(o.delta, !c.place.leaf())
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
	count(&t.onlyRaw, &t.onlyNo, o.raw != 0, o.noise != 0)
	count(&t.schemaOnlyRaw, &t.schemaOnlyNoise, o.raw.schema(), o.noise.schema())
}

func count(onlyA, onlyB *int64, a, b bool) {
	if a && !b {
		*onlyA++
	}
	if b && !a {
		*onlyB++
	}
}

func (t *tally) number(delta float64, keep bool) {
	t.numbers++
	t.deltaSum += delta
	t.deltaMax = max(t.deltaMax, delta)
	if !keep {
		return
	}
	if t.deltas == nil {
		t.deltas = &histogram{}
	}
	t.deltas.add(delta)
}

func (c *cell) score(index int, hash uint64, stable, candidate float64) {
	for len(c.drifts) <= index {
		c.drifts = append(c.drifts, &drift{keep: c.place.keep()})
	}
	c.drifts[index].add(hash, stable, candidate)
}

// answers counts failures and times; it says whether the bodies can be compared.
func (c *cell) answers(p *Pair) bool {
	c.pairs++
	stable, candidate := p.Stable.Good(), p.Candidate.Good()
	count(&c.fails.onlyStable, &c.fails.onlyCandidate, !stable, !candidate)
	if !stable && !candidate {
		c.fails.both++
	}
	if !c.place.leaf() {
		clock(&c.latency.stable, p.Stable)
		clock(&c.latency.candidate, p.Candidate)
	}
	if stable && candidate {
		c.compared++
		return true
	}
	return false
}

// clock counts how long an answer took; an answer that never came is an error, not slow.
func clock(h *histogram, a Answer) {
	if a.LatencyMS > 0 && a.Error == "" {
		h.add(a.LatencyMS)
	}
}
