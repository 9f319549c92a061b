package monitor

import (
	"cmp"
	"maps"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// A delta is the answer to one question.
type delta struct {
	question
	samples model.Vector
}

// AddDeltas takes the answer to the question of that name, evaluated at an interval's end.
// Close counts those of its own end, and then no raw samples in that interval; raw samples
// go on to be followed, so that a release may pass from one way to the other. Names that
// are none of [Counter.Aggregated] are left out.
func (c *Counter) AddDeltas(name string, v model.Vector) {
	if q, ok := c.questions[name]; ok {
		c.deltas = append(c.deltas, delta{q, v})
	}
}

// applyDeltas puts the answers of that time, if there are any, in the place of what raw
// samples said. All others up to then are dropped.
func (c *Counter) applyDeltas(out *Interval, end model.Time) {
	deltas := c.deltas
	c.deltas = nil
	byPod := map[podKey][]delta{}
	for _, d := range deltas {
		for _, s := range d.samples {
			if s.Timestamp > end {
				c.deltas = append(c.deltas, delta{d.question, model.Vector{s}})
				continue
			}
			role, ok := c.sideOf(s.Metric, end)
			if !ok || s.Timestamp < end {
				continue
			}
			key := podKey{role: role, name: string(s.Metric[model.LabelName(c.rb.Metrics.PodLabel)])}
			byPod[key] = append(byPod[key], delta{d.question, model.Vector{s}})
		}
	}
	if len(byPod) > 0 {
		c.countDeltas(out, byPod)
	}
}

func (c *Counter) countDeltas(out *Interval, byPod map[podKey][]delta) {
	out.Counts = c.emptyCounts()
	all, candidate := true, false
	c.placeParts(byPod)
	keys := slices.SortedFunc(maps.Keys(byPod), podKey.compare)
	for _, p := range keys {
		c.resetTallies()
		seen, paced := false, false
		for _, d := range byPod[p] {
			s := d.samples[0]
			switch d.traffic {
			case lately:
				seen = true
			case paces:
				paced = true
				out.Counts[analysis.Traffic] = append(out.Counts[analysis.Traffic], analysis.PodCount{Pod: p.name, Role: p.role, All: float64(s.Value)})
			default:
				c.addDelta(d.question, s)
			}
		}
		all, candidate = all && (paced || !seen), candidate || paced && p.role == runbook.Candidate
		c.report(out.Counts, p)
	}
	out.Paced = all || !candidate
}

// addDelta tallies one sample, by its bound or part.
func (c *Counter) addDelta(q question, s *model.Sample) {
	m, t, u := &c.measures[q.measure], &c.tallies[q.measure], use{uint16(q.measure), q.kind, whole}
	switch {
	case q.kind == native:
		if s.Histogram != nil {
			t.known, t.native = true, merge(t.native, *digest(s.Histogram), 1)
		}
		return
	case q.kind == bucket:
		at, ok := bucketOf(m.Bounds, string(s.Metric[model.BucketLabel]))
		if !ok {
			return
		}
		u.at = int32(at)
	case m.hasParts(q.kind):
		at, ok := m.partOf(string(s.Metric[model.LabelName(m.Part)]))
		if !ok {
			return
		}
		u.at = int32(at)
	}
	t.add(u, float64(s.Value))
}

func (m *measure) hasParts(k kind) bool {
	return m.Part != "" && (k == events || k == opportunities && !m.SharedAll)
}

// placeParts gives a place to the parts of this interval's answers.
func (c *Counter) placeParts(byPod map[podKey][]delta) {
	seen := make([][]int, len(c.measures))
	for _, deltas := range byPod {
		for _, d := range deltas {
			m := &c.measures[d.measure]
			if d.traffic != noTraffic || !m.hasParts(d.kind) {
				continue
			}
			if at, ok := m.partOf(string(d.samples[0].Metric[model.LabelName(m.Part)])); ok {
				seen[d.measure] = append(seen[d.measure], at)
			}
		}
	}
	for i := range c.measures {
		c.measures[i].settle(seen[i])
	}
}

// sideOf is the side that a sample of an answer belongs to at an interval's end.
func (c *Counter) sideOf(m model.Metric, end model.Time) (runbook.Role, bool) {
	if c.joiner != nil {
		var ok bool
		if m, ok = c.joiner.labelled(m, end, c.oldest(end)); !ok {
			return "", false
		}
	}
	return c.roleOf(m)
}

// roleOf is the side that a sample of an answer belongs to: it has no region.
func (c *Counter) roleOf(m model.Metric) (runbook.Role, bool) {
	label, stable, candidate := c.sides()
	switch string(m[model.LabelName(label)]) {
	case candidate:
		return runbook.Candidate, true
	case stable:
		return runbook.Stable, true
	}
	return "", false
}

func (k podKey) compare(o podKey) int {
	return cmp.Or(cmp.Compare(k.role, o.role), cmp.Compare(k.name, o.name), cmp.Compare(k.replica, o.replica))
}
