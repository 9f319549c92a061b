package monitor

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

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
		value, warnings, err := w.monitor.api.Query(ctx, fmt.Sprintf("count(%s)", selector), at)
		if err = problemOf(err, warnings); err != nil {
			return err
		}
		vector, _ := value.(model.Vector)
		for _, s := range vector {
			w.series += int(s.Value)
		}
	}
	w.aggregated, w.weighed = w.series > mostSeries, at
	return nil
}

// addUp asks for growth that Prometheus has added up, at every interval's end.
func (w *watch) addUp(ctx context.Context, until time.Time) error {
	for _, q := range w.observer.Aggregated() {
		value, warnings, err := w.monitor.api.QueryRange(ctx, q.Expr, v1.Range{Start: w.end.Add(w.every), End: until, Step: w.every})
		if err = problemOf(err, warnings); err != nil {
			return err
		}
		matrix, ok := value.(model.Matrix)
		if !ok {
			return fmt.Errorf("the answer is a %s and should be a matrix", value.Type())
		}
		w.observer.AddDeltas(q.Name, flat(matrix))
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
