package demo

import (
	"log/slog"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/autorollback/autorollback/promapi"
)

// A range selector in an instant query is answered by raw samples with the scrapes' own
// timestamps, native histograms with their buckets, as the monitor asks for.
func TestPrometheusAnswersRawSamples(t *testing.T) {
	start := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	p := &Prometheus{parser: parser.NewParser(parser.Options{}), log: slog.New(slog.DiscardHandler)}
	var err error
	if p.db, err = tsdb.Open(t.TempDir(), p.log, nil, tsdb.DefaultOptions(), nil); err != nil {
		t.Fatal(err)
	}
	defer p.db.Close()
	scrapeFor(t, p.db, start, 5*time.Minute)
	p.engine = promql.NewEngine(promql.EngineOpts{Logger: p.log, MaxSamples: 1_000_000, Timeout: time.Minute, Parser: p.parser})
	server := httptest.NewServer(p.api())
	defer server.Close()
	asker, err := promapi.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := start.Add(4 * time.Minute)
	for query, native := range map[string]bool{`requests_total{code="200"}[1m]`: false, `latency_seconds[1m]`: true} {
		value, _, err := asker.Query(t.Context(), query, at)
		if err != nil {
			t.Fatal(err)
		}
		matrix, ok := value.(model.Matrix)
		if !ok || len(matrix) != 1 {
			t.Fatalf("%s: %v", query, value)
		}
		var times []time.Duration
		for _, s := range matrix[0].Values {
			times = append(times, at.Sub(s.Timestamp.Time()))
		}
		for _, s := range matrix[0].Histograms {
			times = append(times, at.Sub(s.Timestamp.Time()))
			sum := 0.0
			for _, b := range s.Histogram.Buckets {
				sum += float64(b.Count)
			}
			if len(s.Histogram.Buckets) < 5 || sum != float64(s.Histogram.Count) {
				t.Errorf("%s: %v", query, s.Histogram)
			}
		}
		want := []time.Duration{45 * time.Second, 30 * time.Second, 15 * time.Second, 0}
		if !slices.Equal(times, want) || native != (len(matrix[0].Histograms) > 0) {
			t.Errorf("%s: samples %s old, want %s", query, times, want)
		}
	}
}

// scrapeFor appends a counter and a native histogram every 15 s.
func scrapeFor(t *testing.T, db *tsdb.DB, start time.Time, span time.Duration) {
	t.Helper()
	app := db.Appender(t.Context())
	for since := time.Duration(0); since <= span; since += 15 * time.Second {
		n, at := float64(since/time.Second), start.Add(since).UnixMilli()
		h := &histogram.FloatHistogram{Schema: 3, ZeroThreshold: 1e-9, Count: 8 * n, Sum: n,
			PositiveSpans: []histogram.Span{{Offset: -20, Length: 8}}, PositiveBuckets: slices.Repeat([]float64{n}, 8)}
		_, err := app.Append(0, labels.FromStrings("__name__", "requests_total", "code", "200"), at, n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = app.AppendHistogram(0, labels.FromStrings("__name__", "latency_seconds"), at, nil, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}
