package backtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/promapi"
)

// A Remote is a Prometheus, or anything with its query API, as a [Source].
//
// With Step zero it asks for a selector's raw samples, with their own moments, by a
// range selector. Otherwise it asks query_range with that step, for servers that do
// not hand out raw samples: then samples move onto the grid, and one that was lost is
// its predecessor again.
type Remote struct {
	API  promapi.API
	Step time.Duration
}

const (
	leastSpan  = time.Minute // a question is not split below it
	askTimeout = 2 * time.Minute
	askTries   = 3
	// maxRangePoints is below the 11 000 points of a series that Prometheus gives.
	maxRangePoints = 10_000
)

// Read implements [Source]. A question that is too large for the server is split.
func (r Remote) Read(ctx context.Context, selector string, from, to time.Time) ([]Stretch, error) {
	span := to.Sub(from)
	if r.Step > 0 && span > maxRangePoints*r.Step {
		return r.split(ctx, selector, from, to)
	}
	value, err := r.ask(ctx, selector, from, to)
	if tooLarge(err) && span > leastSpan {
		return r.split(ctx, selector, from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus for %s up to %s: %w", selector, to.UTC().Format(time.RFC3339), err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("ask Prometheus for %s: the answer is a %s, not series", selector, value.Type())
	}
	return stretches(matrix, from, to)
}

// split asks for the earlier and the later half.
func (r Remote) split(ctx context.Context, selector string, from, to time.Time) ([]Stretch, error) {
	middle := from.Add(to.Sub(from) / 2).Truncate(time.Millisecond)
	if r.Step > 0 {
		middle = middle.Truncate(r.Step)
	}
	if !middle.After(from) {
		return nil, fmt.Errorf("ask Prometheus for %s: a single step of %s is too large for it", selector, r.Step)
	}
	early, err := r.Read(ctx, selector, from, middle)
	if err != nil {
		return nil, err
	}
	late, err := r.Read(ctx, selector, middle, to)
	return append(early, late...), err
}

func (r Remote) ask(ctx context.Context, selector string, from, to time.Time) (model.Value, error) {
	var err error
	for try := range askTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(try) * time.Second):
			}
		}
		var value model.Value
		if value, err = r.once(ctx, selector, from, to); err == nil || !passing(err) || ctx.Err() != nil {
			return value, err
		}
	}
	return nil, err
}

func (r Remote) once(ctx context.Context, selector string, from, to time.Time) (model.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var value model.Value
	var warnings promapi.Warnings
	var err error
	if r.Step > 0 {
		value, warnings, err = r.API.QueryRange(ctx, selector, promapi.Range{Start: from.Add(r.Step), End: to, Step: r.Step})
	} else {
		value, warnings, err = r.API.Query(ctx, fmt.Sprintf("%s[%s]", selector, model.Duration(to.Sub(from))), to)
	}
	return value, promapi.Complete(warnings, err)
}

// tooLarge is a refusal that a shorter question may avoid.
func tooLarge(err error) bool {
	e, ok := errors.AsType[*promapi.Error](err)
	return ok && (e.Type == promapi.Execution || e.Type == promapi.Timeout) || errors.Is(err, context.DeadlineExceeded)
}

// passing is a trouble that may be over in a moment.
func passing(err error) bool {
	e, ok := errors.AsType[*promapi.Error](err)
	return ok && e.Type == promapi.ServerError || !ok && !errors.Is(err, context.DeadlineExceeded)
}

func stretches(matrix model.Matrix, from, to time.Time) ([]Stretch, error) {
	out := make([]Stretch, 0, len(matrix))
	for _, stream := range matrix {
		pairs := make(map[string]string, len(stream.Metric))
		for name, value := range stream.Metric {
			pairs[string(name)] = string(value)
		}
		samples := make([]Sample, 0, len(stream.Values)+len(stream.Histograms))
		for _, v := range stream.Values {
			samples = append(samples, Sample{At: int64(v.Timestamp), Value: float64(v.Value)})
		}
		for _, v := range stream.Histograms {
			h, err := nativeHistogram(v.Histogram)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w; read Prometheus' folder instead", stream.Metric, err)
			}
			samples = append(samples, Sample{At: int64(v.Timestamp), Histogram: h})
		}
		if samples = clip(samples, from, to); len(samples) > 0 {
			out = append(out, Stretch{labels.FromMap(pairs), samples})
		}
	}
	return out, nil
}

// nativeHistogram makes a native histogram of the API's form, which names the bounds
// of buckets instead of their schema and index: the upper bound of bucket i is
// 2^(i·2^-schema).
func nativeHistogram(in *model.SampleHistogram) (*histogram.FloatHistogram, error) {
	if in == nil {
		return nil, errors.New("a native histogram is missing")
	}
	out := &histogram.FloatHistogram{Count: float64(in.Count), Sum: float64(in.Sum)}
	known, next := false, int32(0)
	for _, b := range in.Buckets {
		lower, upper := float64(b.Lower), float64(b.Upper)
		switch {
		case lower < 0 && upper > 0 || lower == 0 && upper == 0:
			out.ZeroThreshold, out.ZeroCount = upper, float64(b.Count)
			continue
		case lower <= 0 || math.IsInf(upper, 0):
			return nil, fmt.Errorf("native histogram has the bucket (%g, %g]: only exponential buckets above 0 can be read through the API", lower, upper)
		}
		schema := int32(-math.Round(math.Log2(math.Log2(upper / lower))))
		if known && schema != out.Schema {
			return nil, fmt.Errorf("native histogram mixes schemas %d and %d", out.Schema, schema)
		}
		out.Schema, known = schema, true
		index := int32(math.Round(math.Ldexp(math.Log2(upper), int(schema))))
		if n := len(out.PositiveSpans); n > 0 && index == next {
			out.PositiveSpans[n-1].Length++
		} else {
			out.PositiveSpans = append(out.PositiveSpans, histogram.Span{Offset: index - next, Length: 1})
		}
		out.PositiveBuckets, next = append(out.PositiveBuckets, float64(b.Count)), index+1
	}
	if err := out.Validate(); err != nil {
		return nil, fmt.Errorf("native histogram: %w", err)
	}
	return out, nil
}
