package monitor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// A podKey names a pod as one replica saw it.
type podKey struct {
	role    runbook.Role
	name    string
	replica string // the values of the labels to be ignored
}

// A pod is what is kept of one pod on one side, by one replica.
type pod struct {
	podKey
	counts    bool         // its replica is the one that counts
	series    []*series    // of requests first, then by key
	requested model.Time   // the newest sample of its request counter
	restarted model.Time   // the newest scrape that told of a restart; 0: none
	seen      []model.Time // by measure: the newest sample of its opportunities
}

// podOf returns the pod, a new one if need be.
func (c *Counter) podOf(key podKey) *pod {
	if p, ok := c.pods[key]; ok {
		return p
	}
	p := &pod{podKey: podKey{key.role, strings.Clone(key.name), key.replica}, counts: len(c.rb.Metrics.IgnoreLabels) == 0, seen: make([]model.Time, len(c.measures))}
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

// gone is how long a pod is missed before it counts as gone: until then nobody knows what
// it serves.
const gone = model.Time(10 * time.Minute / time.Millisecond)

// paces adds the pods that have a pace to the counts, and reports whether all pods that
// were seen lately have one, or none of the candidate's has.
func (c *Counter) paces(counts analysis.Counts, end model.Time) bool {
	if !c.wantsTraffic() {
		return true
	}
	all, candidate := true, false
	for _, p := range c.order {
		if !p.counts {
			continue
		}
		n, seen, paced := c.pace(p, end)
		if paced {
			counts[analysis.Traffic] = append(counts[analysis.Traffic], analysis.PodCount{Pod: p.name, Role: p.role, All: n})
			candidate = candidate || p.role == runbook.Candidate
		}
		all = all && (paced || !seen)
	}
	return all || !candidate
}

func (c *Counter) wantsTraffic() bool {
	return slices.ContainsFunc(c.measures, func(m measure) bool { return m.Name == analysis.Traffic })
}

// pace is the requests of one interval by the last two scrapes.
func (c *Counter) pace(p *pod, end model.Time) (n float64, seen, paced bool) {
	for _, s := range p.series {
		if !s.request {
			break // they come first
		}
		seen = seen || !s.none() && !s.known && end-s.last.at < gone
		if s.before > end-patience*c.interval {
			n += s.grew * float64(c.interval) / float64(s.last.at-s.before)
			paced = true
		}
	}
	return n, seen, paced
}

// replica is the values of the labels that do not count.
func (c *Counter) replica(m model.Metric) string {
	var out strings.Builder
	for _, l := range c.rb.Metrics.IgnoreLabels {
		out.WriteString(string(m[model.LabelName(l)]))
		out.WriteByte(0)
	}
	return out.String()
}

// choose settles which replica counts of each pod in an interval: the one with more
// samples in it; of equals the one that counted before, so that nothing is counted twice.
func (c *Counter) choose(w window) {
	if len(c.rb.Metrics.IgnoreLabels) == 0 {
		return
	}
	for i := 0; i < len(c.order); {
		best, most := i, -1
		from := i
		for ; i < len(c.order) && c.order[i].role == c.order[from].role && c.order[i].name == c.order[from].name; i++ {
			p := c.order[i]
			if n := p.samples(w); n > most || n == most && p.counts {
				best, most = i, n
			}
		}
		for k := from; k < i; k++ {
			c.order[k].counts = k == best
		}
	}
}

// samples is how many there are in the interval of the series that has most.
func (p *pod) samples(w window) int {
	most := 0
	for _, s := range p.series {
		n := 0
		for _, x := range s.waiting {
			if x.at > w.end {
				break
			}
			if x.at > w.start {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
