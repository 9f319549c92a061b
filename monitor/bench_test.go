package monitor

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/rules"
)

var benchBounds = []float64{0.025, 0.05, 0.1, 0.15, 0.2, 0.24, 0.28, 0.33, 0.4, 0.5, 0.75, 1, 2.5}

// fleet is n series as a service of 12 pods has them: 14 buckets of three handlers,
// requests by code, conversions; and what each holds.
func fleet(n int) []*model.SampleStream {
	var out []*model.SampleStream
	for i := 0; len(out) < n; i++ {
		pod, version := fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250), map[bool]string{true: "v2", false: "v1"}[i%6 == 0]
		for _, h := range []string{"rank", "rerank", "explain"} {
			for _, le := range append(benchBounds, 0) {
				text := map[bool]string{true: "+Inf", false: strconv.FormatFloat(le, 'f', -1, 64)}[le == 0]
				out = append(out, &model.SampleStream{Metric: metric("seconds_bucket{pod=" + pod + ",version=" + version + ",handler=" + h + ",le=" + text + "}")})
			}
			for _, code := range []string{"200", "500"} {
				out = append(out, &model.SampleStream{Metric: metric("requests{pod=" + pod + ",version=" + version + ",handler=" + h + ",code=" + code + "}")})
			}
		}
		out = append(out, &model.SampleStream{Metric: metric("failures{pod=" + pod + ",version=" + version + "}")}, &model.SampleStream{Metric: metric("rows{pod=" + pod + ",version=" + version + "}")})
	}
	return out[:n]
}

// scraped gives all series the samples of the last 45 s.
func scraped(fleet []*model.SampleStream, interval int) {
	for i, s := range fleet {
		s.Values = s.Values[:0]
		for back := 2; back >= 0; back-- {
			s.Values = append(s.Values, model.SamplePair{Timestamp: at(float64(15*(interval-back) - 5)), Value: model.SampleValue((interval - back) * (i%9 + 1))})
		}
	}
}

func benchMeasures() []rules.Measure {
	conversion := rules.Measure{Name: "kpi/conversion", All: matchersOf("rows"), Bad: matchersOf("failures")}
	return []rules.Measure{requests(), latency(benchBounds...), conversion, traffic()}
}

// One interval: Add of what a 45 s range selector answers, and Close. Prometheus'
// answer is decoded elsewhere.
func BenchmarkInterval(b *testing.B) {
	for _, n := range []int{60, 600, 6000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			series := fleet(n)
			before := heap()
			c := NewCounter(ranker(), benchMeasures(), release)
			i := 0
			interval := func() {
				i++
				b.StopTimer()
				scraped(series, i)
				b.StartTimer()
				for _, s := range series {
					c.Add(s)
				}
				c.Close(end(i))
			}
			for range 8 {
				interval()
			}
			kept := heap() - before
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				interval()
			}
			b.ReportMetric(float64(kept)/float64(n), "B/series")
			runtime.KeepAlive(c)
		})
	}
}

// A rebuild adds an hour at once, and closes its 240 intervals.
func BenchmarkHour(b *testing.B) {
	series := fleet(600)
	for i, s := range series {
		for k := range 240 {
			s.Values = append(s.Values, model.SamplePair{Timestamp: at(float64(15*k + 10)), Value: model.SampleValue(k * (i%9 + 1))})
		}
	}
	b.ReportAllocs()
	for range b.N {
		c := NewCounter(ranker(), benchMeasures(), release)
		for _, s := range series {
			c.Add(s)
		}
		for k := range 240 {
			c.Close(end(k + 1))
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What the server is asked in one interval of 100 pods × 20 handlers × 20 buckets and 6,000
// series of requests, and the samples of its answer.
func BenchmarkAggregated(b *testing.B) {
	s, measures := newServer(b), []rules.Measure{requests(), latency(benchBounds...)}
	for i := range 100 {
		for h := range 20 {
			of := fmt.Sprintf("pod=p%d,version=%s,handler=h%d", i, map[bool]string{true: "v2", false: "v1"}[i%6 == 0], h)
			for _, name := range aggregatedSeries {
				for k := range 12 {
					s.store(metric(name+of+"}"), model.SamplePair{Timestamp: at(float64(15*k + 10)), Value: model.SampleValue(k * 7)})
				}
			}
		}
	}
	c, samples := NewCounter(ranker(), measures, release), 0
	for _, q := range c.Aggregated() {
		b.Run(q.Name, func(b *testing.B) {
			for range b.N {
				samples = len(s.ask(q.Expr, end(12)))
			}
			b.ReportMetric(float64(samples), "samples")
		})
	}
	b.Run("count", func(b *testing.B) {
		for range b.N {
			s.aggregated(c, end(12))
		}
	})
}

var aggregatedSeries = func() []string {
	out := []string{"requests{code=200,", "requests{code=404,", "requests{code=500,", "seconds_bucket{le=+Inf,"}
	for i := range 6 {
		out = append(out, fmt.Sprintf("seconds_bucket{le=0.%d1,", i)) // not in the runbook
	}
	for _, le := range benchBounds {
		out = append(out, "seconds_bucket{le="+strconv.FormatFloat(le, 'f', -1, 64)+",")
	}
	return out
}()
