package gameday

import (
	"log/slog"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/autorollback/autorollback/promapi"
)

// A range selector in an instant query is answered by raw samples with the scrapes' own
// timestamps, native histograms with their buckets, as the monitor asks for.
func TestPrometheusAnswersRawSamples(t *testing.T) {
	pods := pastPods("v1", 1, 40, 0, time.Hour)
	p := &Prometheus{parser: parser.NewParser(parser.Options{}), log: slog.New(slog.DiscardHandler)}
	var err error
	if p.db, err = tsdb.Open(pastTSDB(t, pods, 5*time.Minute, true), p.log, nil, tsdb.DefaultOptions(), nil); err != nil {
		t.Fatal(err)
	}
	defer p.db.Close()
	p.engine = promql.NewEngine(promql.EngineOpts{Logger: p.log, MaxSamples: 1_000_000, Timeout: time.Minute, Parser: p.parser})
	server := httptest.NewServer(p.api())
	defer server.Close()
	client, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var asker promapi.API = v1.NewAPI(client)
	at := pastStart.Add(4 * time.Minute)
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
