package monitor

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/promapi"
)

const (
	// askWithin bounds a query for one interval, historyWithin one for an hour of history.
	askWithin     = 5 * time.Second
	historyWithin = 30 * time.Second
	// again is how many intervals are asked for once more, for samples that came late.
	again = 2
)

// count asks for everything after the newest interval and counts it, up to until, on the
// way to the latest end.
func (w *watch) count(ctx context.Context, until, latest time.Time) error {
	turn, within := w.monitor.live, askWithin
	if !w.asked || until.Sub(w.end) > Fresh*w.every {
		turn, within = w.monitor.history, historyWithin
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := w.join(ctx, until); err != nil {
		return err
	}
	if err := w.know(ctx); err != nil {
		return err
	}
	if err := w.weighIn(ctx, latest); err != nil {
		return err
	}
	if err := w.read(ctx, until); err != nil {
		return err
	}
	w.close(until, until.Before(latest))
	return nil
}

// join asks which pod has which version at the end of each interval, if another metric
// tells that.
func (w *watch) join(ctx context.Context, until time.Time) error {
	query, ok := w.observer.Join()
	if !ok {
		return nil
	}
	return w.ranged(ctx, query, w.end, until, w.observer.Tell)
}

// ranged asks for the value at each interval's end.
func (w *watch) ranged(ctx context.Context, query string, from, until time.Time, take func(model.Vector)) error {
	value, warnings, err := w.monitor.api.QueryRange(ctx, query, promapi.Range{Start: from, End: until, Step: w.every})
	if err = problemOf(err, warnings); err != nil {
		return err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return fmt.Errorf("the answer is a %s and should be a matrix", value.Type())
	}
	take(flat(matrix))
	return nil
}

// read takes what happened in the intervals up to until, one way or the other.
func (w *watch) read(ctx context.Context, until time.Time) error {
	if w.aggregated {
		return w.addUp(ctx, until)
	}
	length := until.Sub(w.end) + again*w.every
	for _, selector := range w.observer.Selectors() {
		query := fmt.Sprintf("%s[%s]", selector, model.Duration(length))
		if err := w.monitor.samples(ctx, query, until, w.observer.Add); err != nil {
			return err
		}
	}
	return nil
}

// close counts the intervals up to until, whose samples are all there.
func (w *watch) close(until time.Time, more bool) {
	for w.end.Before(until) {
		w.end = w.end.Add(w.every)
		step, results := w.observer.End(w.target(), w.end)
		w.keep(results)
		w.remember(step, results)
		if !w.end.Before(until) {
			w.publish(results, more)
		}
	}
}

// remember keeps an interval for whoever asks what was lost, and hands it to whoever listens.
func (w *watch) remember(step Step, results map[string]analysis.Result) {
	if w.each != nil {
		w.each(step, results)
		return // of history nobody else asks
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted.add(step)
}

// know asks once for what was there in the day before, so that a series which is away
// for a while is not taken for a new one when it comes back.
func (w *watch) know(ctx context.Context) error {
	if w.asked {
		return nil
	}
	for _, selector := range w.observer.Selectors() {
		v, err := promapi.Vector(ctx, w.monitor.api, fmt.Sprintf("last_over_time(%s[1d])", selector), w.end)
		if err != nil {
			return fmt.Errorf("ask Prometheus: %w", err)
		}
		for _, s := range v {
			w.observer.Know(streamOf(s))
		}
	}
	w.asked = true
	return nil
}

func streamOf(s *model.Sample) *model.SampleStream {
	out := &model.SampleStream{Metric: s.Metric}
	if s.Histogram != nil {
		out.Histograms = []model.SampleHistogramPair{{Timestamp: s.Timestamp, Histogram: s.Histogram}}
		return out
	}
	out.Values = []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}
	return out
}

// samples asks for raw samples. A partial answer is none: what is missing would count as
// nothing having happened.
func (m *Monitor) samples(ctx context.Context, query string, at time.Time, add func(*model.SampleStream)) error {
	value, warnings, err := m.api.Query(ctx, query, at)
	if err = problemOf(err, warnings); err != nil {
		return err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return fmt.Errorf("the answer is a %s and should be samples", value.Type())
	}
	for _, s := range matrix {
		add(s)
	}
	return nil
}

func problemOf(err error, warnings promapi.Warnings) error {
	if err = promapi.Complete(warnings, err); err != nil {
		return fmt.Errorf("ask Prometheus: %w", err)
	}
	return nil
}

const (
	// mostSeries is how many series of a release are read one by one; of more, Prometheus
	// adds up the growth by pod.
	mostSeries = 5000
)

// weighIn counts the release's series, each hour, to settle how they are read.
func (w *watch) weighIn(ctx context.Context, at time.Time) error {
	if !w.weighed.IsZero() && at.Sub(w.weighed) < time.Hour {
		return nil
	}
	w.series = 0
	for _, selector := range w.observer.Selectors() {
		v, err := promapi.Vector(ctx, w.monitor.api, fmt.Sprintf("count(%s)", selector), at)
		if err != nil {
			return fmt.Errorf("ask Prometheus: %w", err)
		}
		for _, s := range v {
			w.series += int(s.Value)
		}
	}
	w.aggregated, w.weighed = w.series > mostSeries, at
	return nil
}

// addUp asks for growth that Prometheus has added up, at every interval's end.
func (w *watch) addUp(ctx context.Context, until time.Time) error {
	for _, q := range w.observer.Aggregated() {
		err := w.ranged(ctx, q.Expr, w.end.Add(w.every), until, func(v model.Vector) { w.observer.AddDeltas(q.Name, v) })
		if err != nil {
			return err
		}
	}
	return nil
}

// flat lists the points of a matrix as samples.
func flat(matrix model.Matrix) model.Vector {
	var out model.Vector
	for _, s := range matrix {
		for _, v := range s.Values {
			out = append(out, &model.Sample{Metric: s.Metric, Timestamp: v.Timestamp, Value: v.Value})
		}
		for _, h := range s.Histograms {
			out = append(out, &model.Sample{Metric: s.Metric, Timestamp: h.Timestamp, Histogram: h.Histogram})
		}
	}
	return out
}
