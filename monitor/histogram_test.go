package monitor

import (
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
)

func TestClassicHistograms(t *testing.T) {
	for _, c := range []struct {
		name   string
		bounds []float64
		feed   map[string]string
		n      int
		want   string
	}{
		{"cumulative becomes single", []float64{0.1, 1}, map[string]string{
			"seconds_bucket{le=0.1}": "5:10 20:14", "seconds_bucket{le=1}": "5:20 20:30", "seconds_bucket{le=+Inf}": "5:20 20:31"}, 2, "- [4,6,1]"},
		{"spellings of bounds", []float64{1, 1e6, 2.5e6}, map[string]string{
			"seconds_bucket{le=1.0}": "5:0 20:1", "seconds_bucket{le=1e+06}": "5:0 20:2", "seconds_bucket{le=2500000.0}": "5:0 20:4", "seconds_bucket{le=+Inf}": "5:0 20:8"}, 2, "- [1,1,2,4]"},
		{"a bound that the exporter lacks", []float64{0.1, 0.5, 1}, map[string]string{
			"seconds_bucket{le=0.1}": "5:10 20:14", "seconds_bucket{le=1}": "5:20 20:30", "seconds_bucket{le=+Inf}": "5:20 20:31"}, 2, "- [4,0,6,1]"},
		{"a bound that the runbook lacks", []float64{1}, map[string]string{
			"seconds_bucket{le=0.1}": "5:10 20:14", "seconds_bucket{le=1}": "5:20 20:30", "seconds_bucket{le=+Inf}": "5:20 20:31"}, 2, "- [10,1]"},
		{"handlers are added up", []float64{1}, map[string]string{
			"seconds_bucket{le=1,h=a}": "5:20 20:30", "seconds_bucket{le=+Inf,h=a}": "5:20 20:31",
			"seconds_bucket{le=1,h=b}": "5:2 20:3", "seconds_bucket{le=+Inf,h=b}": "5:2 20:5"}, 2, "- [11,3]"},
		{"a restart", []float64{1}, map[string]string{"requests": "5:20 20:30 35:4",
			"seconds_bucket{le=1}": "5:1 20:1 35:2", "seconds_bucket{le=+Inf}": "5:20 20:30 35:4"}, 3, "- [0,10] [2,2]"},
		{"a new pod", []float64{1}, map[string]string{"requests": "5:20 20:30",
			"seconds_bucket{le=1}": "20:1 35:2", "seconds_bucket{le=+Inf}": "20:30 35:32"}, 3, "- - [1,1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(ranker(), []rules.Measure{latency(c.bounds...)}, release)
			expect(t, said(follow(counter, c.feed, c.n), analysis.Latency, "c1"), c.want)
		})
	}
}

func TestSpellings(t *testing.T) {
	re := regexp.MustCompile("^(?:" + spellings([]float64{1, 0.25, 1e6, 2.5e6, 100000, 1e-5, 188.957}) + ")$")
	for _, le := range []string{"1", "1.0", "1.00", "0.25", "0.250", "1000000", "1e+06", "1e6", "1.0E6", "1000000.0", "2.5e+06", "2.5E6",
		"100000", "1e+05", "1e-05", "0.00001", "1.0E-5", "188.957", "+Inf", "Inf"} {
		if !re.MatchString(le) {
			t.Errorf("%s is not found", le)
		}
	}
	for _, le := range []string{"", "10", "0.2", "0225", "10000000", "1e7", "1e-06", "11", "188x957", "0.1"} {
		if re.MatchString(le) {
			t.Errorf("%s is none of them", le)
		}
	}
}

// hist makes a native histogram of {lower, upper, count}s, its total their sum.
func hist(buckets ...[3]float64) *model.SampleHistogram {
	h := &model.SampleHistogram{}
	for _, b := range buckets {
		h.Count += model.FloatString(b[2])
		h.Buckets = append(h.Buckets, &model.HistogramBucket{Lower: model.FloatString(b[0]), Upper: model.FloatString(b[1]), Count: model.FloatString(b[2])})
	}
	return h
}

type b = [3]float64

func TestNativeHistograms(t *testing.T) {
	for _, c := range []struct {
		name     string
		requests string
		steps    []*model.SampleHistogram
		want     string
	}{
		{"bucket by bucket", "", []*model.SampleHistogram{hist(b{1, 2, 5}, b{4, 8, 3}), hist(b{1, 2, 6}, b{2, 4, 1}, b{4, 8, 3})}, "- [{1,2,1},{2,4,1}]"},
		{"nothing happened", "", []*model.SampleHistogram{hist(b{1, 2, 5}), hist(b{1, 2, 5})}, "- []"},
		{"coarser", "", []*model.SampleHistogram{hist(b{1, 2, 5}, b{2, 4, 3}, b{8, 16, 1}), hist(b{1, 4, 10}, b{4, 16, 3})}, "- [{1,4,2},{4,16,2}]"},
		{"finer", "", []*model.SampleHistogram{hist(b{1, 4, 8}), hist(b{1, 2, 5}, b{2, 4, 5})}, "- [{1,4,2}]"},
		{"a rounding error is no overlap", "", []*model.SampleHistogram{hist(b{1, 2.0000000000000004, 5}, b{2, 4, 3}), hist(b{1, 2, 6}, b{2, 4, 5})}, "- [{1,2.0000000000000004,1},{2,4,2}]"},
		{"below 0 is 0", "", []*model.SampleHistogram{hist(b{-2, -1, 1}, b{-1, 1, 1}), hist(b{-2, -1, 2}, b{-1, 1, 3})}, "- [{0,0,1},{0,1,2}]"},
		{"the zero bucket grew wider", "", []*model.SampleHistogram{hist(b{-1, 1, 1}, b{1, 2, 2}, b{4, 8, 1}), hist(b{-2, 2, 5}, b{4, 8, 2})}, "- [{0,2,2},{4,8,1}]"},
		{"a bucket is never negative", "", []*model.SampleHistogram{hist(b{1, 2, 5}, b{4, 8, 3}), hist(b{1, 2, 3}, b{4, 8, 9})}, "- [{4,8,6}]"},
		{"a restart", "5:100 20:3", []*model.SampleHistogram{hist(b{1, 2, 100}), hist(b{1, 2, 1}, b{4, 8, 2})}, "- [{1,2,1},{4,8,2}]"},
		{"a restart that another scrape told", "2:100 17:3", []*model.SampleHistogram{hist(b{1, 2, 100}), hist(b{1, 2, 1}, b{4, 8, 2})}, "- [{1,2,1},{4,8,2}]"},
		{"reset alone", "5:100 20:110 35:120", []*model.SampleHistogram{hist(b{1, 2, 100}), hist(b{1, 2, 1}, b{4, 8, 2}), hist(b{1, 2, 2}, b{4, 8, 2})}, "- [] [{1,2,1}]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(ranker(), []rules.Measure{nativeLatency()}, release)
			add(counter, "requests", c.requests)
			var got []Interval
			for i, h := range c.steps {
				counter.Add(&model.SampleStream{Metric: metric("seconds"), Histograms: []model.SampleHistogramPair{{Timestamp: at(float64(5 + 15*i)), Histogram: h}}})
				got = append(got, counter.Close(end(i+1)))
			}
			expect(t, natives(got), c.want)
		})
	}
}

func natives(intervals []Interval) string {
	for _, in := range intervals {
		for i := range in.Counts[analysis.Latency] {
			if p := &in.Counts[analysis.Latency][i]; p.Native == nil {
				p.Native = []analysis.Bucket{}
			}
		}
	}
	return said(intervals, analysis.Latency, "c1")
}

// Two series of a pod with different resolution: nothing is lost.
func TestNativeHistogramsOfHandlers(t *testing.T) {
	c := NewCounter(ranker(), []rules.Measure{nativeLatency()}, release)
	for name, steps := range map[string][]*model.SampleHistogram{
		"seconds{h=a}": {hist(b{1, 2, 1}), hist(b{1, 2, 3}, b{2, 4, 1})},
		"seconds{h=b}": {hist(b{1, 4, 1}), hist(b{1, 4, 2})},
	} {
		for i, h := range steps {
			c.Add(&model.SampleStream{Metric: metric(name), Histograms: []model.SampleHistogramPair{{Timestamp: at(float64(5 + 15*i)), Histogram: h}}})
		}
	}
	expect(t, said([]Interval{c.Close(end(1)), c.Close(end(2))}, analysis.Latency, "c1"), "- [{1,4,4}]")
}

// Whatever the resolutions, all growth is kept, in order and apart.
func TestMergeKeepsTheTotal(t *testing.T) {
	ladder := rapid.Custom(func(t *rapid.T) []analysis.Bucket {
		var out []analysis.Bucket
		width := rapid.SampledFrom([]float64{1, 2, 4}).Draw(t, "width")
		for i := range rapid.IntRange(0, 12).Draw(t, "n") {
			if rapid.Bool().Draw(t, "used") {
				out = append(out, analysis.Bucket{Lower: float64(i) * width, Upper: float64(i+1) * width, Count: float64(rapid.IntRange(1, 9).Draw(t, "count"))})
			}
		}
		return out
	})
	total := func(buckets []analysis.Bucket) (sum float64) {
		for _, b := range buckets {
			sum += b.Count
		}
		return sum
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := ladder.Draw(t, "a"), ladder.Draw(t, "b")
		got := merge(a, b, 1)
		if total(got) != total(a)+total(b) {
			t.Fatalf("%v and %v: %v", a, b, got)
		}
		if !slices.EqualFunc(got, merge(b, a, 1), func(x, y analysis.Bucket) bool { return x == y }) {
			t.Fatalf("%v and %v: the order matters", a, b)
		}
		for i := 1; i < len(got); i++ {
			if got[i].Lower < got[i-1].Upper {
				t.Fatalf("%v and %v: %v overlap", a, b, got)
			}
		}
	})
}
