package monitor

import (
	"github.com/prometheus/common/model"
)

// A window is the interval that is being closed.
type window struct {
	start, end model.Time // (start, end]
	closed     model.Time // the end of the one before; 0: none
}

// counts reports whether growth up to a sample of that time counts: within the window, or in an
// interval that was closed before its scrape arrived, as of a pod that takes long to answer.
func (w window) counts(at model.Time) bool { return at > w.start || at <= w.closed }

// count takes the pod's samples up to the end of the window, and tallies the growth of
// those within it.
func (c *Counter) count(p *pod, w window) {
	dues := c.dues(p, w.end)
	for len(dues) > 0 {
		n := 1
		for n < len(dues) && dues[n].x.at == dues[0].x.at {
			n++
		}
		c.scrape(p, dues[:n], w)
		dues = dues[n:]
	}
}

// scrape counts samples of one time. What the pod was known to be before is settled only
// after all of them: they do not depend on each other's order.
func (c *Counter) scrape(p *pod, dues []due, w window) {
	at := dues[0].x.at
	how := step{restarted: c.restarts(p, dues)}
	if how.restarted {
		p.restarted = at
	}
	for _, d := range dues {
		how.since = !how.restarted && p.restarted > d.last.at
		if d.away(c.oldest(at)) {
			c.appear(p, d, how, w)
			continue
		}
		if w.counts(at) {
			c.credit(d.series, d.x, how)
		}
		d.move(d.x, how)
	}
	for _, d := range dues {
		if d.request {
			p.requested = max(p.requested, at)
		}
		for _, u := range d.uses {
			if u.kind == opportunities {
				p.seen[u.measure] = max(p.seen[u.measure], at)
			}
		}
	}
}

// appear is the sample of a series that is new, or was away. Events grew from 0, or from
// what they were, where the pod's opportunities were known in the scrape before.
func (c *Counter) appear(p *pod, d due, how step, w window) {
	at := d.x.at
	grew, counted := 0.0, false
	switch {
	case !d.born:
	case d.none() || how.restarted || how.since:
		grew, counted = d.x.v, at-c.forgot > remembered || c.forgot == 0 || !d.none()
	default:
		grew, counted = max(d.x.v-d.last.v, 0), true
	}
	for _, u := range d.uses {
		if counted && p.seen[u.measure] > c.oldest(at) {
			if w.counts(at) {
				add := c.tallies[u.measure].add
				if d.none() {
					add = c.tallies[u.measure].bear
				}
				add(u, grew)
			}
		}
	}
	d.move(d.x, how)
}

// credit adds the growth of a series to all that it is counted as.
func (c *Counter) credit(s *series, x sample, how step) {
	if s.native() {
		grew := s.last.growth(x, how)
		for _, u := range s.uses {
			c.tallies[u.measure].native = merge(c.tallies[u.measure].native, grew, 1)
			c.tallies[u.measure].known = true
		}
		return
	}
	grew := s.grown(x, how)
	for _, u := range s.uses {
		c.tallies[u.measure].add(u, grew)
	}
}
