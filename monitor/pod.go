package monitor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/runbook"
)

type podKey struct {
	role runbook.Role
	name string
}

// A pod is what is kept of one pod on one side.
type pod struct {
	podKey
	series    []*series    // of requests first, then by key
	requested model.Time   // the newest sample of its request counter
	restarted model.Time   // the newest scrape that told of a restart; 0: none
	seen      []model.Time // by measure: the newest sample of its opportunities
}

// podOf returns the pod, a new one if need be.
func (c *Counter) podOf(name string, role runbook.Role) *pod {
	if p, ok := c.pods[podKey{role, name}]; ok {
		return p
	}
	p := &pod{podKey: podKey{role, strings.Clone(name)}, seen: make([]model.Time, len(c.measures))}
	c.pods[p.podKey] = p
	i, _ := slices.BinarySearchFunc(c.order, p.podKey, func(q *pod, k podKey) int { return q.compare(k) })
	c.order = slices.Insert(c.order, i, p)
	return p
}

func (p *pod) add(s *series) {
	i, _ := slices.BinarySearchFunc(p.series, s, func(a, b *series) int {
		if a.request != b.request {
			return map[bool]int{true: -1, false: 1}[a.request]
		}
		return cmp.Compare(a.key, b.key)
	})
	p.series = slices.Insert(p.series, i, s)
}

// A due sample waits for its interval to close.
type due struct {
	*series
	x sample
}

// dues are the pod's samples up to end, scrape by scrape.
func (c *Counter) dues(p *pod, end model.Time) []due {
	c.due = c.due[:0]
	for _, s := range p.series {
		n := 0
		for n < len(s.waiting) && s.waiting[n].at <= end {
			c.due = append(c.due, due{s, s.waiting[n]})
			n++
		}
		if n > 0 {
			s.drop(n)
		}
	}
	byTime := func(a, b due) int { return cmp.Compare(a.x.at, b.x.at) }
	if !slices.IsSortedFunc(c.due, byTime) {
		slices.SortStableFunc(c.due, byTime)
	}
	return c.due
}

// restarts reports whether the scrape tells that the pod restarted: its request counter
// fell, of all request series that were in its last scrapes together. One that was away
// may come back with any value.
func (c *Counter) restarts(p *pod, scrape []due) bool {
	var from, to float64
	for _, d := range scrape {
		if d.request && !d.none() && d.last.at > p.requested-(patience+1)*c.interval {
			from, to = from+d.last.v, to+d.x.v
		}
	}
	return fell(from, to)
}
