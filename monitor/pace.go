package monitor

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

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
