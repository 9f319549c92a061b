package backtest

import (
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
)

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
