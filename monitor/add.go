package monitor

import (
	"math"

	"github.com/prometheus/common/model"
)

// Add takes raw samples of one series, as a range selector answers. Overlap with earlier
// calls is normal: samples are told apart by their timestamps and count once, in whatever
// pieces and order they come. One that comes after its interval is closed counts in the next that
// closes; if a later one of its series is counted by then, it is as if its scrape had been lost.
// Series that nobody wants are left out.
func (c *Counter) Add(s *model.SampleStream) {
	switch {
	case len(s.Values)+len(s.Histograms) == 0:
	case c.joiner != nil:
		c.joiner.waiting = append(c.joiner.waiting, s)
	default:
		c.add(s)
	}
}

func (c *Counter) add(s *model.SampleStream) {
	known := c.find(s.Metric)
	if known == nil {
		return
	}
	if !known.native() {
		for _, v := range s.Values {
			known.take(sample{at: v.Timestamp, v: float64(v.Value)})
		}
		return
	}
	for _, h := range s.Histograms {
		if h.Histogram != nil && h.Timestamp > known.last.at {
			known.take(sample{at: h.Timestamp, v: float64(h.Histogram.Count), buckets: digest(h.Histogram)})
		}
	}
}

// Know tells what a series last held before the watching began, from the answer to
// last_over_time(…[24h]) for every selector: the newest value of s at its timestamp, which
// must not be later than any sample that is added. So an event series that was there an
// hour ago is not taken for a new one. It gives no growth by itself, and changes nothing
// for a series that has samples.
func (c *Counter) Know(s *model.SampleStream) {
	if len(s.Values) == 0 {
		return
	}
	metric := s.Metric
	if c.joiner != nil {
		var ok bool
		if metric, ok = c.joiner.labelled(metric, math.MaxInt64, math.MinInt64); !ok {
			return
		}
	}
	known := c.find(metric)
	if known == nil || known.native() || !known.none() && !known.known {
		return
	}
	v := s.Values[len(s.Values)-1]
	if len(known.waiting) > 0 && known.waiting[0].at <= v.Timestamp || v.Timestamp <= known.last.at {
		return
	}
	known.known, known.last = true, sample{at: v.Timestamp, v: float64(v.Value)}
}

// find is the state of a series, a new one if need be; nil if nobody wants it.
func (c *Counter) find(m model.Metric) *series {
	key := keyOf(m)
	if s, ok := c.series[key]; ok {
		return s
	}
	role, ok := c.role(m)
	if !ok {
		return nil
	}
	uses, request := c.usesOf(m), c.isRequest(m)
	if len(uses) == 0 && !request {
		return nil
	}
	s := &series{key: key, uses: uses, request: request, born: hasEvents(uses)}
	c.series[key] = s
	c.podOf(podKey{role, string(m[model.LabelName(c.rb.Metrics.PodLabel)]), c.replica(m)}).add(s)
	return s
}

// native reports whether it is a native histogram.
func (s *series) native() bool { return len(s.uses) > 0 && s.uses[0].kind == native }
