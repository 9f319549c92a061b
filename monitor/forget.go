package monitor

import (
	"slices"

	"github.com/prometheus/common/model"
)

// mostVanished is how many series that have no samples any more are remembered.
const mostVanished = 10_000

// forget drops what vanished more than 24 h ago. Where more than mostVanished series did
// since, those that did so first are dropped as well; then nobody knows what is new, and
// for 24 h a new series of events has no growth until its second sample.
func (c *Counter) forget(now model.Time) {
	limit := now - remembered
	if since, ok := c.tooMany(now); ok && since > limit {
		limit, c.forgot = since, now
	}
	for _, p := range c.order {
		for _, s := range p.series {
			if s.vanished(limit) {
				c.drop(limit)
				return
			}
		}
	}
}

// vanished reports whether there is no sample since then.
func (s *series) vanished(since model.Time) bool {
	return len(s.waiting) == 0 && s.last.at < since
}

// tooMany reports since when a series must have had a sample to be kept, if too many of
// them vanished.
func (c *Counter) tooMany(now model.Time) (since model.Time, ok bool) {
	if len(c.series) <= mostVanished {
		return 0, false
	}
	var at []model.Time
	for _, s := range c.series {
		if s.vanished(now - gone) {
			at = append(at, s.last.at)
		}
	}
	if len(at) <= mostVanished {
		return 0, false
	}
	slices.Sort(at)
	return at[len(at)-1-mostVanished*3/4] + 1, true
}

// drop removes series without a sample since then, and pods without series.
func (c *Counter) drop(since model.Time) {
	kept := c.order[:0]
	for _, p := range c.order {
		p.series = slices.DeleteFunc(p.series, func(s *series) bool {
			if !s.vanished(since) {
				return false
			}
			delete(c.series, s.key)
			return true
		})
		if len(p.series) > 0 {
			kept = append(kept, p)
		} else {
			delete(c.pods, p.podKey)
		}
	}
	clear(c.order[len(kept):])
	c.order = kept
}
