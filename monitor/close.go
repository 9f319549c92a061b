package monitor

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
)

// An Interval is what the pods of both sides did in (End - the runbook's interval, End].
type Interval struct {
	End time.Time
	// Counts are by measure, pods by role and name. A pod is in a measure's counts if the
	// growth of its opportunities (or its histogram) is known in this interval, be it 0.
	// Events of an interval without that are left out; and they are never more than
	// opportunities, but for the values of a mean. A measure with parts has neither All nor
	// Bad of the whole pod.
	//
	// Under [analysis.Traffic] stand the pods that have a pace: All is the growth between
	// the last two scrapes of the pod's request counter, both at most 4 intervals old,
	// scaled to one interval.
	Counts analysis.Counts
	// Paced: each pod that was scraped in the last 10 minutes has a pace, or none of the
	// candidate's has. Otherwise nobody knows what some pod serves, and traffic must not
	// be held against the weight.
	Paced bool
}

// Close ends the interval (end - interval, end] and says what every pod did in it. The end
// is a multiple of the runbook's interval in Unix time, and later than that of the call
// before. Samples newer than end wait for the next call; growth in intervals between two
// calls that nobody closed is left out.
func (c *Counter) Close(end time.Time) Interval {
	to := model.TimeFromUnixNano(end.UnixNano())
	w := window{start: to - c.interval, end: to, closed: c.closed}
	if c.joiner != nil {
		c.arrive(to)
	}
	c.settle(to)
	c.choose(w)
	out := Interval{End: end, Counts: c.emptyCounts(), Paced: true}
	for _, p := range c.order {
		c.resetTallies()
		c.count(p, w)
		if p.counts {
			c.report(out.Counts, p.podKey)
		}
	}
	out.Paced = c.paces(out.Counts, to)
	c.closed = max(c.closed, to)
	c.applyDeltas(&out, to)
	c.forget(to)
	if c.joiner != nil {
		c.joiner.forget(c.oldest(to) - again*c.interval)
	}
	return out
}

func (c *Counter) emptyCounts() analysis.Counts { return make(analysis.Counts, len(c.measures)) }

func (c *Counter) resetTallies() {
	for i := range c.tallies {
		c.tallies[i].reset(&c.measures[i])
	}
}

// report adds the tallies of one pod to the counts.
func (c *Counter) report(counts analysis.Counts, p podKey) {
	for i := range c.tallies {
		if t, m := &c.tallies[i], &c.measures[i]; t.known {
			n := t.count(m)
			n.Pod, n.Role = p.name, p.role
			if counts[m.Name] == nil {
				counts[m.Name] = make([]analysis.PodCount, 0, len(c.order))
			}
			counts[m.Name] = append(counts[m.Name], n)
		}
	}
}

// settle gives a place to the parts with a first sample up to now.
func (c *Counter) settle(now model.Time) {
	unplaced := false
	for i := range c.measures {
		unplaced = unplaced || c.measures[i].known < len(c.measures[i].names)
	}
	if !unplaced {
		return
	}
	seen := make([][]int, len(c.measures))
	for _, p := range c.order {
		for _, s := range p.series {
			for _, u := range s.uses {
				if u.kind <= events && u.at != whole && len(s.waiting) > 0 && s.waiting[0].at <= now {
					seen[u.measure] = append(seen[u.measure], int(u.at))
				}
			}
		}
	}
	for i := range c.measures {
		c.measures[i].settle(seen[i])
	}
}
