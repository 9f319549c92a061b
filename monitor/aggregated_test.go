package monitor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/teststorage"
	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// A server is Prometheus' storage and engine.
type server struct {
	tb     testing.TB
	db     *teststorage.TestStorage
	engine *promql.Engine
}

func newServer(tb testing.TB) *server {
	return &server{tb, teststorage.New(tb), promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 50_000_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})}
}

func labelsOf(m model.Metric) labels.Labels {
	b := labels.NewScratchBuilder(len(m))
	for name, v := range m {
		b.Add(string(name), string(v))
	}
	b.Sort()
	return b.Labels()
}

func (s *server) store(m model.Metric, samples ...model.SamplePair) {
	app := s.db.Appender(context.Background())
	for _, p := range samples {
		if _, err := app.Append(0, labelsOf(m), int64(p.Timestamp), float64(p.Value)); err != nil {
			s.tb.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		s.tb.Fatal(err)
	}
}

// ask evaluates at a time.
func (s *server) ask(expr string, now time.Time) promql.Vector {
	q, err := s.engine.NewInstantQuery(context.Background(), s.db, nil, expr, now)
	if err != nil {
		s.tb.Fatalf("%v: %s", err, expr)
	}
	defer q.Close()
	r := q.Exec(context.Background())
	v, err := r.Vector()
	if err != nil {
		s.tb.Fatalf("%v: %s", err, expr)
	}
	return slices.Clone(v)
}

// aggregated closes an interval by what the server answers.
func (s *server) aggregated(c *Counter, now time.Time) Interval {
	for _, q := range c.Aggregated() {
		var v model.Vector
		for _, got := range s.ask(q.Expr, now) {
			sample := &model.Sample{Metric: model.Metric{}, Value: model.SampleValue(got.F), Timestamp: model.Time(got.T)}
			got.Metric.Range(func(l labels.Label) { sample.Metric[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
			if got.H != nil {
				sample.Histogram = sampled(got.H)
			}
			v = append(v, sample)
		}
		c.AddDeltas(q.Name, v)
	}
	return c.Close(now)
}

func sampled(h *histogram.FloatHistogram) *model.SampleHistogram {
	out := &model.SampleHistogram{Count: model.FloatString(h.Count), Sum: model.FloatString(h.Sum)}
	for it := h.AllBucketIterator(); it.Next(); {
		if b := it.At(); b.Count > 0 {
			out.Buckets = append(out.Buckets, &model.HistogramBucket{Lower: model.FloatString(b.Lower), Upper: model.FloatString(b.Upper), Count: model.FloatString(b.Count)})
		}
	}
	return out
}

// written is an interval for comparison: rates are not exact.
func written(in Interval) string {
	var out []string
	for name, pods := range in.Counts {
		for _, p := range pods {
			out = append(out, fmt.Sprintf("%s %s %s %.6g %.6g %.6g %v %v %v", name, p.Role, p.Pod, p.All, p.Bad, p.Squares, p.Buckets, p.Native, p.Parts))
		}
	}
	slices.Sort(out)
	return strings.Join(append(out, fmt.Sprint("paced ", in.Paced)), "\n")
}

// Where nothing is reset and no gap is long, the server's sums are the counts of raw
// samples, births among them.
func TestAggregatedAgreesWithRawSamples(t *testing.T) {
	for seed, every := range []int{15, 15, 15, 15, 20, 20, 60} {
		t.Run(fmt.Sprintf("seed %d, every %d s", seed, every), func(t *testing.T) {
			samples := rapid.Custom(func(t *rapid.T) map[string][]model.SamplePair {
				return clean(t, 15*someIntervals, every, true)
			}).Example(seed)
			s := newServer(t)
			for name, values := range samples {
				s.store(metric(name), values...)
			}
			raw := replayed(samples, func(_ string, due []model.SamplePair) [][]model.SamplePair { return [][]model.SamplePair{due} })
			c := NewCounter(ranker(), everything(), release)
			for i := range raw {
				if got, want := written(s.aggregated(c, end(i+1))), written(raw[i]); got != want {
					t.Fatalf("interval %d:\n%s\nraw:\n%s", i+1, got, want)
				}
			}
		})
	}
}

func TestAggregatedNativeHistograms(t *testing.T) {
	s := newServer(t)
	raw, sums := NewCounter(ranker(), []rules.Measure{nativeLatency()}, release), NewCounter(ranker(), []rules.Measure{nativeLatency()}, release)
	h := &histogram.FloatHistogram{Schema: 1, PositiveSpans: []histogram.Span{{Offset: 0, Length: 3}}, PositiveBuckets: []float64{1, 2, 3}, Count: 6, Sum: 9}
	for i := 1; i <= 4; i++ {
		h = h.Copy()
		if h.PositiveBuckets[1], h.Count = h.PositiveBuckets[1]+5, h.Count+5; i == 3 {
			h.PositiveBuckets, h.Count = []float64{1, 0, 0}, 1
		}
		app, now := s.db.Appender(context.Background()), at(float64(15*i-5))
		if _, err := app.AppendHistogram(0, labelsOf(metric("seconds")), int64(now), nil, h); err != nil {
			t.Fatal(err)
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
		raw.Add(&model.SampleStream{Metric: metric("seconds"), Histograms: []model.SampleHistogramPair{{Timestamp: now, Histogram: sampled(h)}}})
		got, want := s.aggregated(sums, end(i)), raw.Close(end(i))
		if i == 3 { // a reset: here nothing, there the pod is left out
			expect(t, natives([]Interval{want, got}), "[] -")
			continue
		}
		expect(t, written(got), written(want))
	}
}

// What the server cannot tell, see [Counter.Aggregated].
func TestAggregatedLoses(t *testing.T) {
	for _, c := range []struct {
		name string
		feed map[string]string
		n    int
		want string
	}{
		{"a restart counts as nothing", map[string]string{"requests": "5:100 20:110 35:8 50:20", "failures": "5:1 20:2 35:5 50:6"}, 4, "- 10/1 0/0 12/1"},
		{"events grew from 0 on known pods", map[string]string{"requests": "5:100 20:110 35:120", "failures": "20:2 35:3"}, 3, "- 10/2 10/1"},
		{"what a new pod brings is left out", map[string]string{"requests": "20:110 35:120", "failures": "20:2 35:3"}, 3, "- - 10/1"},
		{"an exporter that expires idle series", map[string]string{"requests": "5:1000 20:1010 35:1020 50:1030 65:1040 80:1050 95:1060 110:1070 125:1080",
			"failures": "5:399 20:400 125:401"}, 9, "- 10/1 10/0 10/0 10/0 10/0 10/0 10/0 10/1"},
		{"a lost scrape", map[string]string{"requests": "5:100 35:120", "failures": "5:1 35:2"}, 3, "- - 20/1"},
		{"successes and failures apart", map[string]string{"requests": "5:100 20:110 35:120", "failures": "5:1 20:4 35:4"}, 3, "- 13/3 10/0"},
		{"a first failure beside successes", map[string]string{"requests": "5:100 20:110 35:120", "failures": "20:2 35:3"}, 3, "- 12/2 11/1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t)
			for name, text := range c.feed {
				for _, a := range arrivals(text) {
					s.store(metric(name), a.SamplePair)
				}
			}
			measure := failures()
			if strings.Contains(c.name, "successes") {
				measure = apart()
			}
			counter := NewCounter(ranker(), []rules.Measure{measure}, release)
			var got []Interval
			for i := 1; i <= c.n; i++ {
				got = append(got, s.aggregated(counter, end(i)))
			}
			expect(t, said(got, analysis.Requests, "c1"), c.want)
		})
	}
}

// The pace of a pod that counts successes and failures apart is that of both.
func TestThePaceOfSuccessesAndFailures(t *testing.T) {
	feed := map[string]string{"requests": "5:100 20:110 35:120", "failures": "5:1 20:4 35:9"}
	measures := []rules.Measure{apart(), {Name: analysis.Traffic, All: apart().All, More: apart().More}}
	s, sums := newServer(t), NewCounter(ranker(), measures, release)
	for name, text := range feed {
		for _, a := range arrivals(text) {
			s.store(metric(name), a.SamplePair)
		}
	}
	raw := follow(NewCounter(ranker(), measures, release), feed, 3)
	for i := 1; i <= 3; i++ {
		if got, want := written(s.aggregated(sums, end(i))), written(raw[i-1]); i > 1 && got != want {
			t.Errorf("interval %d:\n%s\nraw:\n%s", i, got, want)
		}
	}
	if p := raw[2].Counts[analysis.Traffic]; len(p) != 1 || p[0].All != 15 {
		t.Errorf("the pace is %v, want 10 successes and 5 failures", p)
	}
}

// Answers of another time are none; a release may pass from raw samples to sums and back.
func TestPassingFromRawSamplesToSums(t *testing.T) {
	c := NewCounter(ranker(), []rules.Measure{requests(), traffic()}, release)
	sum := func(name string, interval int, v float64) {
		c.AddDeltas(name, model.Vector{{Metric: model.Metric{"version": "v2", "pod": "c1"}, Value: model.SampleValue(v), Timestamp: at(float64(15 * interval))}})
	}
	add(c, "requests{code=200}", "5:100 20:110 35:120 50:130 65:140")
	got := []Interval{c.Close(end(1)), c.Close(end(2))}
	sum("requests/all", 3, 77)
	sum("requests/bad", 3, 7)
	sum("requests/all", 4, 88)
	sum("requests/bad", 4, 99)
	sum("requests/all", 2, 1)
	sum("nonsense", 3, 1)
	got = append(got, c.Close(end(3)), c.Close(end(4)), c.Close(end(5)))
	expect(t, said(got, analysis.Requests, "c1"), "- 10/0 77/7 88/88 10/0")
}

func TestQuestionsOfAnyNames(t *testing.T) {
	rb, rel := ranker(), release
	regional(rb, &rel)
	rb.Metrics.VersionLabel, rb.Metrics.PodLabel, rb.Metrics.Interval = "service.version", "k8s.pod", runbook.Duration(90*time.Second)
	s := newServer(t)
	for _, q := range NewCounter(rb, append(everything(), features(false)), rel).Aggregated() {
		s.ask(q.Expr, end(1))
	}
}
