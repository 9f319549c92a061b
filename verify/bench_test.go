package verify_test

import (
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

// BenchmarkConfirm compares a whole confirmation with the one query it cannot do
// without, in turns, on a real Prometheus.
func BenchmarkConfirm(b *testing.B) {
	s := setUp(b)
	s.until("errors", record.NotBreaching)
	breach, err := s.q.Gate("errors", s.rel)
	if err != nil {
		b.Fatal(err)
	}
	bare := map[string]string{"breach": breach.String()}
	var alone, whole []time.Duration
	for b.Loop() {
		began := time.Now()
		s.prometheus.Evidence(b.Context(), bare, time.Time{})
		between := time.Now()
		if got := s.confirm("errors"); got.State != record.NotBreaching {
			b.Fatalf("got %s: %s", got.State, got.Problem)
		}
		alone, whole = append(alone, between.Sub(began)), append(whole, time.Since(between))
	}
	b.ReportMetric(p50(alone), "bare-p50-ms")
	b.ReportMetric(p50(whole), "confirm-p50-ms")
}

func p50(d []time.Duration) float64 {
	slices.Sort(d)
	return d[len(d)/2].Seconds() * 1000
}
