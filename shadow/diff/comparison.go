package diff

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

// A comparison takes pairs one by one and counts. It holds what the plan's limits
// allow, however many pairs come.
type comparison struct {
	plan       shadow.Plan
	zone       *time.Location
	comparator comparator
	buckets    map[segment]*bucket
	known      map[string]bool // segments
	worst      worst
	window     shadow.Window
	untimed    int64 // pairs without a time
	again      int64 // pairs with a good second answer of stable
	others     int64 // pairs with a segment that did not fit
	located    []*bucket
}

func newComparison(plan shadow.Plan) (*comparison, error) {
	zone, err := time.LoadLocation(plan.Timezone)
	if err != nil {
		return nil, fmt.Errorf("read time zone: %w", err)
	}
	return &comparison{
		plan: plan, zone: zone, comparator: comparator{fields: newFields(plan)},
		buckets: map[segment]*bucket{}, known: map[string]bool{}, worst: worst{keep: worstSamples},
	}, nil
}

func (c *comparison) add(p *shadow.Pair) {
	c.comparator.pair++
	c.window.Add(p.TS)
	c.locate(p)
	same := false
	for _, b := range c.located {
		same = b.countAnswers(p) // the same for each: it goes by the answers alone
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

// locate finds the buckets that a pair belongs to.
func (c *comparison) locate(p *shadow.Pair) {
	hour := allHours
	if p.TS.IsZero() {
		c.untimed++
	} else {
		hour = p.TS.In(c.zone).Hour()
	}
	c.located = append(c.located[:0], c.bucket(segment{"", allHours}))
	if hour != allHours {
		c.located = append(c.located, c.bucket(segment{"", hour}))
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
		c.locateSegment(name, hour)
	}
	if overflow {
		c.others++
		c.locateSegment(otherSegments, hour)
	}
}

const otherSegments = "(others)"

func (c *comparison) locateSegment(name string, hour int) {
	c.located = append(c.located, c.bucket(segment{name, allHours}))
	if hour != allHours {
		c.located = append(c.located, c.bucket(segment{name, hour}))
	}
}

func (c *comparison) bucket(at segment) *bucket {
	one, ok := c.buckets[at]
	if !ok {
		one = &bucket{segment: at}
		c.buckets[at] = one
	}
	return one
}

func (c *comparison) bodies(p *shadow.Pair, again bool) {
	w := &c.comparator
	w.touched, w.noise = w.touched[:0], false
	stable := shadow.DecodeBody(p.Stable.Body)
	other := func(b shadow.Body) any {
		if bytes.Equal(b, p.Stable.Body) {
			return stable
		}
		return shadow.DecodeBody(b)
	}
	w.compare(w.fields.root, stable, other(p.Candidate.Body))
	if again {
		w.noise = true
		w.compare(w.fields.root, stable, other(p.Again.Body))
	}
}

func (c *comparison) fold(p *shadow.Pair, again bool) {
	hash, bad, severity := shadow.HashID(p.ID), 0, 0.0
	for _, f := range c.comparator.touched {
		o := &f.seen
		for _, b := range c.located {
			b.count(f, again)
			if o.scored {
				b.score(f.score, hash, o.scoreS, o.scoreC)
			}
		}
		if o.raw != 0 {
			bad++
			severity = max(severity, o.severity)
		}
	}
	if bad > 0 && c.worst.wants(severity, bad, hash) {
		c.worst.add(newSample(p, c.comparator.touched, severity, bad, hash))
	}
}

// consume takes all pairs. Errors about single records are counted in bad.
func (c *comparison) consume(pairs iter.Seq2[shadow.Pair, error], bad *shadow.Bad) error {
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
