package backtest

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An observed is one release as the daemon's monitor would have seen it.
//
// The result of the interval that ends at T is exported at T, and the rules evaluated at T
// read it. A daemon is [monitor.Lag] and a scrape later, so a replay is early by at most
// one evaluation.
type observed struct {
	past     PastRelease
	observer *monitor.Observer          // nil: not begun yet, or over
	results  map[string]analysis.Result // by trigger; nil: not judged
	at       time.Time                  // end of the newest interval
}

// sees reports whether the monitor counts at a moment: from an hour before the release on.
func (o *observed) sees(now time.Time) bool {
	return !now.Before(o.past.Start.Add(-monitor.LooksBack)) && (o.past.End.IsZero() || now.Before(o.past.End))
}

// attend begins to observe what is to be seen now, with what each series held before, and
// ends what is over.
func (w *world) attend(ctx context.Context, now time.Time) error {
	for _, o := range w.observed {
		switch {
		case !o.sees(now):
			o.observer, o.results = nil, nil
		case o.observer == nil:
			if err := w.begin(ctx, o, now); err != nil {
				return fmt.Errorf("observe release %s: %w", o.past.ID, err)
			}
		}
	}
	return nil
}

func (w *world) begin(ctx context.Context, o *observed, now time.Time) (err error) {
	o.observer, err = monitor.NewObserver(monitor.Target{Runbook: w.runbook, Release: o.past.release(w.runbook.Service, now)})
	if err != nil {
		return err
	}
	if err := w.tell(ctx, o.observer, now); err != nil {
		return err
	}
	dayBefore := now.Add(-24 * time.Hour).UnixMilli()
	for _, s := range w.series {
		if s.newest.At > dayBefore {
			o.observer.Know(s.stream())
		}
	}
	return nil
}

// observe gives the newest sample of a series to every release that is counted.
func (w *world) observe(h *held) {
	var stream *model.SampleStream
	for _, o := range w.observed {
		if o.observer == nil {
			continue
		}
		if stream == nil {
			stream = h.stream()
		}
		o.observer.Add(stream)
	}
}

// judge ends the interval of every release that is counted.
func (w *world) judge(ctx context.Context, now time.Time) error {
	for _, o := range w.observed {
		if o.observer == nil {
			continue
		}
		if err := w.tell(ctx, o.observer, now); err != nil {
			return fmt.Errorf("observe release %s: %w", o.past.ID, err)
		}
		rel := o.past.release(w.runbook.Service, now)
		_, o.results = o.observer.End(monitor.Target{Runbook: w.runbook, Release: rel}, now)
		o.at = now
		if rel.Weight == 0 {
			o.results = nil
		}
	}
	return nil
}

// significance is what the daemon would have known of a trigger.
func (w *world) significance(release, trigger string) record.Significance {
	for _, o := range w.observed {
		if r, ok := o.results[trigger]; ok && o.past.ID == release {
			return monitor.SignificanceOf(r, o.at)
		}
	}
	return record.Significance{Problem: "the release is not judged"}
}

// exports is the significance that the daemon would have exported; false: none.
func (w *world) exports(release string, t runbook.Trigger) (float64, bool) {
	for _, o := range w.observed {
		if r, ok := o.results[t.Name]; ok && o.past.ID == release {
			return monitor.SignificanceOf(r, o.at).Value, !math.IsNaN(r.Significance)
		}
	}
	return 0, false
}

// stream is the newest sample as Prometheus' API answers it.
func (h *held) stream() *model.SampleStream {
	at := model.Time(h.newest.At)
	if h.newest.Histogram != nil {
		return &model.SampleStream{Metric: h.metric, Histograms: []model.SampleHistogramPair{{Timestamp: at, Histogram: answered(h.newest.Histogram)}}}
	}
	return &model.SampleStream{Metric: h.metric, Values: []model.SamplePair{{Timestamp: at, Value: model.SampleValue(h.newest.Value)}}}
}

func metricOf(l labels.Labels) model.Metric {
	m := model.Metric{}
	l.Range(func(x labels.Label) { m[model.LabelName(x.Name)] = model.LabelValue(x.Value) })
	return m
}

// answered writes a native histogram as Prometheus' API answers it.
func answered(h *histogram.FloatHistogram) *model.SampleHistogram {
	out := &model.SampleHistogram{Count: model.FloatString(h.Count), Sum: model.FloatString(h.Sum)}
	for it := h.AllBucketIterator(); it.Next(); {
		if b := it.At(); b.Count != 0 {
			out.Buckets = append(out.Buckets, &model.HistogramBucket{Lower: model.FloatString(b.Lower), Upper: model.FloatString(b.Upper), Count: model.FloatString(b.Count)})
		}
	}
	return out
}

// sameSignificance reports whether the triggers of two runbooks are judged alike, apart
// from their effects: then what is significant by one is so by the other.
func sameSignificance(a, b *runbook.Runbook) bool {
	for i, t := range a.Triggers {
		if math.Abs(analysis.Margin(t)-analysis.Margin(b.Triggers[i])) > 1e-9 || analysis.PartLimit(t) != analysis.PartLimit(b.Triggers[i]) {
			return false
		}
	}
	return true
}
