package verify_test

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// BenchmarkConfirm compares a whole confirmation with the one query it cannot do
// without, on a real Prometheus.
func BenchmarkConfirm(b *testing.B) {
	s := setUp(b)
	s.until("errors", runbook.NotBreaching)
	breach, err := s.q.Breach("errors", s.rel)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare query", func(b *testing.B) {
		for b.Loop() {
			s.prometheus.Evidence(b.Context(), map[string]string{"breach": breach.String()}, time.Time{})
		}
	})
	b.Run("confirm", func(b *testing.B) {
		for b.Loop() {
			if got := s.confirm("errors"); got.State != runbook.NotBreaching {
				b.Fatalf("got %s: %s", got.State, got.Problem)
			}
		}
	})
}
