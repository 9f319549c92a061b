package shadow

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// A comparison takes pairs one by one and counts. It holds what the plan's limits
// allow, however many pairs come.
type comparison struct {
	plan   Plan
	zone   *time.Location
	walk   walk
	cells  map[place]*cell
	known  map[string]bool // segments
	worst  worst
	from   time.Time
	to     time.Time
	timed  int64 // pairs with a time
	again  int64 // pairs with a good second answer of stable
	others int64 // pairs with a segment that did not fit
	here   []*cell
}

func newComparison(plan Plan) (*comparison, error) {
	zone, err := time.LoadLocation(plan.Timezone)
	if err != nil {
		return nil, fmt.Errorf("read time zone: %w", err)
	}
	return &comparison{
		plan: plan, zone: zone, walk: walk{fields: newFields(plan)},
		cells: map[place]*cell{}, known: map[string]bool{}, worst: worst{keep: worstSamples},
	}, nil
}

func (c *comparison) add(p *Pair) {
	c.walk.pair++
	c.window(p.TS)
	c.places(p)
	same := false
	for _, cell := range c.here {
		same = cell.answers(p) // the same for each: it goes by the answers alone
	}
	if !same {
		return
	}
	again := p.Again != nil && p.Again.Good()
	if again {
		c.again++
	}
	c.bodies(p, again)
	c.fold(p, again)
}

func (c *comparison) window(at time.Time) {
	if at.IsZero() {
		return
	}
	c.timed++
	if c.from.IsZero() || at.Before(c.from) {
		c.from = at
	}
	if at.After(c.to) {
		c.to = at
	}
}

// places finds the cells that a pair belongs to.
func (c *comparison) places(p *Pair) {
	hour := allHours
	if !p.TS.IsZero() {
		hour = p.TS.In(c.zone).Hour()
	}
	c.here = append(c.here[:0], c.cell(place{"", allHours}))
	if hour != allHours {
		c.here = append(c.here, c.cell(place{"", hour}))
	}
	overflow := false
	for _, key := range slices.Sorted(maps.Keys(p.Segment)) {
		name := key + "=" + p.Segment[key]
		if !c.known[name] {
			if len(c.known) >= c.plan.MaxSegments {
				overflow = true
				continue
			}
			c.known[name] = true
		}
		c.segment(name, hour)
	}
	if overflow {
		c.others++
		c.segment(otherSegments, hour)
	}
}

const otherSegments = "(others)"

func (c *comparison) segment(name string, hour int) {
	c.here = append(c.here, c.cell(place{name, allHours}))
	if hour != allHours {
		c.here = append(c.here, c.cell(place{name, hour}))
	}
}

func (c *comparison) cell(at place) *cell {
	one, ok := c.cells[at]
	if !ok {
		one = &cell{place: at}
		c.cells[at] = one
	}
	return one
}

func (c *comparison) bodies(p *Pair, again bool) {
	w := &c.walk
	w.touched, w.noise = w.touched[:0], false
	stable := decodeBody(p.Stable.Body)
	other := func(b Body) any {
		if bytes.Equal(b, p.Stable.Body) {
			return stable
		}
		return decodeBody(b)
	}
	w.compare(w.fields.root, stable, other(p.Candidate.Body))
	if again {
		w.noise = true
		w.compare(w.fields.root, stable, other(p.Again.Body))
	}
}

func (c *comparison) fold(p *Pair, again bool) {
	hash, bad, severity := hashID(p.ID), 0, 0.0
	for _, f := range c.walk.touched {
		o := &f.seen
		for _, cell := range c.here {
			cell.fold(f, again)
			if o.scored {
				cell.score(f.score, hash, o.scoreS, o.scoreC)
			}
		}
		if o.raw != 0 {
			bad++
			severity = max(severity, o.severity)
		}
	}
	if bad > 0 && c.worst.wants(severity, bad, hash) {
		c.worst.add(newSample(p, c.walk.touched, severity, bad, hash))
	}
}

// consume takes all pairs. Errors about single records are counted in bad.
func (c *comparison) consume(pairs iter.Seq2[Pair, error], bad *Bad) error {
	for p, err := range pairs {
		switch {
		case err == nil:
			c.add(&p)
		case !bad.Note(err):
			return err
		}
	}
	return nil
}
