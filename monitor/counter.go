package monitor

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	// patience is how many intervals old the sample before the interval may be, counted
	// from the interval's start: a lost scrape is bridged, a longer gap is not.
	patience = 4
	// remembered is how long the last value of a series that vanished is kept.
	remembered = model.Time(24 * time.Hour / time.Millisecond)
)

// A Counter turns the raw samples of one release into counts per pod and interval.
//
// The growth of a series counts in the interval of the newer of two samples, told by the
// scrape's own timestamp, so that replicas agree whenever they ask. Nothing is
// extrapolated. The rules:
//
//   - The growth of a scrape that arrives after its interval is closed counts in the next one.
//   - A lost scrape is bridged: the growth counts in the interval of the next sample. If
//     the sample before is older than 5 intervals, counted from the end of the newer one's
//     interval, the growth is left out and the series starts anew.
//   - A pod restarted where its request counter fell by a tenth or more, all request
//     series of one scrape together. In that scrape every series of it grew from 0. Of a
//     series that falls without it, or scraped at another time, the step counts as
//     nothing, or as the new value if the pod's restart was seen since its last sample.
//     A fall by less than a tenth is another replica's scrape that came a little early:
//     it counts as nothing, and the higher value stays.
//   - A new series of opportunities has no growth until its second sample. A new series of
//     events grew from 0, if the pod's opportunities were known in the scrape before; if
//     it also counts as opportunities, these grow with it; that growth is named in
//     PodCount.Born as well. What a new pod brings in its first sample is left out.
//   - Series that differ only in labels to be ignored are one, seen by several replicas: in
//     each interval the replica with more samples of a pod counts.
//   - Where a join tells the side, the growth belongs to the side that the pod had at the
//     end of the interval.
//   - A series of events that was away and comes back grew from its last value, which is
//     kept for 24 h; from 0 if the pod restarted meanwhile; and by nothing if it fell.
//
// It keeps two samples and a digest of the labels for each series, about 300 bytes, whatever
// the age of the release: what vanished is forgotten after 24 h, and of more than 10,000
// vanished series those that did so first; see forget. A native histogram keeps its newest
// buckets as well. It is not safe for several goroutines.
type Counter struct {
	rb       *runbook.Runbook
	rel      record.Release
	interval model.Time
	measures []measure
	requests [][]*labels.Matcher // of the counters by which restarts and the pace are told

	series map[uint64]*series
	pods   map[podKey]*pod
	order  []*pod // by role and name
	uses   map[string][]use

	closed  model.Time // the end of the last interval; 0: none yet
	forgot  model.Time // when values that could still be needed were forgotten; 0: never
	due     []due      // scratch of Close
	tallies []tally    // scratch of Close: of one pod, by measure

	joiner    *joiner // nil: the series tell their side themselves
	questions map[string]question
	deltas    []delta
}

// A measure is what is counted under one name, and the parts seen so far.
type measure struct {
	rules.Measure
	parts map[string]int // by value of the label: in the order in which they were met
	names []string       // of them, in that order
	place []int          // their index in PodCount.Parts; see unplaced
	known int            // how many have one
}

// NewCounter returns a counter that has seen nothing. Measures are those of the runbook;
// those of requests should be among them. The release says which versions and region count.
func NewCounter(rb *runbook.Runbook, measures []rules.Measure, rel record.Release) *Counter {
	c := &Counter{
		rb: rb, rel: rel, interval: model.Time(rb.Metrics.Step().Std() / time.Millisecond),
		series: map[uint64]*series{}, pods: map[podKey]*pod{}, uses: map[string][]use{},
		tallies: make([]tally, len(measures)), joiner: newJoiner(rb.Metrics.Join),
	}
	for _, m := range measures {
		c.measures = append(c.measures, measure{Measure: m, parts: map[string]int{}})
	}
	c.requests = requestsOf(rb, measures)
	c.questions = c.plan()
	return c
}

// requestsOf are the matchers of the request counters: of the measure of requests or of
// traffic; else, as every measure has the runbook's selector, those of another one with
// the counter's name.
func requestsOf(rb *runbook.Runbook, measures []rules.Measure) [][]*labels.Matcher {
	for _, name := range []string{analysis.Requests, analysis.Traffic} {
		for _, m := range measures {
			if m.Name == name && len(m.All) > 0 {
				return slices.DeleteFunc([][]*labels.Matcher{m.All, m.More}, func(x []*labels.Matcher) bool { return x == nil })
			}
		}
	}
	for _, m := range measures {
		if from := append(m.Histogram[:len(m.Histogram):len(m.Histogram)], m.All...); len(from) > 0 {
			return [][]*labels.Matcher{renamed(from, rb.Metrics.Requests.All()[0].Counter)}
		}
	}
	return nil
}

// isRequest reports whether a series is one of the request counters'.
func (c *Counter) isRequest(m model.Metric) bool {
	return slices.ContainsFunc(c.requests, func(x []*labels.Matcher) bool { return matches(x, m) })
}

func renamed(matchers []*labels.Matcher, name string) []*labels.Matcher {
	out := []*labels.Matcher{{Type: labels.MatchEqual, Name: labels.MetricName, Value: name}}
	for _, m := range matchers {
		if m.Name != labels.MetricName {
			out = append(out, m)
		}
	}
	return out
}

// endOf is the end of the interval that contains t.
func (c *Counter) endOf(t model.Time) model.Time {
	return (t + c.interval - 1) / c.interval * c.interval
}

// oldest is the time at or before which a sample is too old to count the growth to t.
func (c *Counter) oldest(t model.Time) model.Time {
	return c.endOf(t) - (patience+1)*c.interval
}

// Series is how many series the counter keeps, those that vanished within 24 h included.
func (c *Counter) Series() int { return len(c.series) }
