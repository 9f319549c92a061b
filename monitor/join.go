package monitor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/runbook"
)

// A joiner knows which version or track a pod had at the end of each interval, by what
// another metric says of it. Samples wait until the end of their interval is known.
type joiner struct {
	join    *runbook.Join
	told    map[string][]told // by the values of the labels On; ascending
	waiting []*model.SampleStream
}

type told struct {
	at    model.Time
	value string
}

// Join is the question that must be answered for the end of each interval before the
// interval is closed, and before [Counter.Know]; false if nothing is joined. Its answers go
// to [Counter.Tell].
func (c *Counter) Join() (string, bool) {
	if c.joiner == nil {
		return "", false
	}
	return c.joiner.join.Newest(), true
}

// Tell takes an answer to the question of [Counter.Join].
func (c *Counter) Tell(v model.Vector) {
	for _, s := range v {
		key := c.joiner.key(s.Metric)
		have := c.joiner.told[key]
		i, known := slices.BinarySearchFunc(have, s.Timestamp,
			func(t told, at model.Time) int { return cmp.Compare(t.at, at) })
		if !known {
			c.joiner.told[key] = slices.Insert(have, i,
				told{s.Timestamp, string(s.Metric[model.LabelName(c.joiner.join.Label)])})
		}
	}
}

func newJoiner(j *runbook.Join) *joiner {
	if j == nil {
		return nil
	}
	return &joiner{join: j, told: map[string][]told{}}
}

func (j *joiner) key(m model.Metric) string {
	var key strings.Builder
	for _, l := range j.join.On {
		key.WriteString(string(m[model.LabelName(l)]))
		key.WriteByte(0)
	}
	return key.String()
}

// labelled is the metric with the label that was told of it last by a moment; false if
// that is longer ago than since, or never was.
func (j *joiner) labelled(m model.Metric, at, since model.Time) (model.Metric, bool) {
	all := j.told[j.key(m)]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].at > at {
			continue
		}
		if all[i].at <= since {
			break
		}
		out := m.Clone()
		if name := model.LabelName(j.join.Label); all[i].value == "" {
			delete(out, name)
		} else {
			out[name] = model.LabelValue(all[i].value)
		}
		return out, true
	}
	return nil, false
}

// arrive labels the samples of intervals that end by a moment, and lets the counter have
// them. What nobody told of is left out.
func (c *Counter) arrive(end model.Time) {
	j := c.joiner
	kept := j.waiting[:0]
	for _, s := range j.waiting {
		now, later := c.splitAt(s, end)
		for len(now.Values)+len(now.Histograms) > 0 {
			at := c.endOf(firstOf(now))
			one, rest := c.splitAt(now, at)
			if m, ok := j.labelled(s.Metric, at, c.oldest(at)); ok {
				one.Metric = m
				c.add(one)
			}
			now = rest
		}
		if len(later.Values)+len(later.Histograms) > 0 {
			kept = append(kept, later)
		}
	}
	clear(j.waiting[len(kept):])
	j.waiting = kept
}

// forget drops what is too old to be asked about again.
func (j *joiner) forget(before model.Time) {
	for key, all := range j.told {
		n := 0
		for n < len(all) && all[n].at <= before {
			n++
		}
		if j.told[key] = all[n:]; n == len(all) {
			delete(j.told, key)
		}
	}
}

func firstOf(s *model.SampleStream) model.Time {
	if len(s.Values) > 0 {
		return s.Values[0].Timestamp
	}
	return s.Histograms[0].Timestamp
}

// splitAt parts the samples up to a moment from those after it.
func (c *Counter) splitAt(s *model.SampleStream, at model.Time) (upTo, after *model.SampleStream) {
	n, k := 0, 0
	for n < len(s.Values) && s.Values[n].Timestamp <= at {
		n++
	}
	for k < len(s.Histograms) && s.Histograms[k].Timestamp <= at {
		k++
	}
	return &model.SampleStream{Metric: s.Metric, Values: s.Values[:n], Histograms: s.Histograms[:k]},
		&model.SampleStream{Metric: s.Metric, Values: s.Values[n:], Histograms: s.Histograms[k:]}
}
