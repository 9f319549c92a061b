package monitor

import (
	"testing"
	"time"

	"go.uber.org/zap"
)

// An interval ends by the wall clock, as samples carry it. Go's times hold a second, monotonic reading,
// taken some nanoseconds later, and compare by that: two ends that are equal would not be, and a watch
// could run ahead of the clock for good, so that every sample would come too late to be counted.
func TestIntervalsEndByTheWallClock(t *testing.T) {
	if end := endBefore(time.Now(), time.Second); end != end.Round(0) {
		t.Errorf("%s has a monotonic reading", end)
	}
	before, later := unlike()
	p := &paper{state: state{series: 12, harm: before}}
	r := New(p, zap.NewNop()).Replica(paperTarget(t, before.Add(-time.Hour)))
	for range 60 {
		later = later.Add(paperInterval)
		s, err := r.CatchUp(t.Context(), later)
		if err != nil {
			t.Fatal(err)
		}
		if s.At.Round(0).Add(Lag(paperInterval)).After(later.Round(0)) {
			t.Fatalf("at %s an interval is closed that ends at %s", later, s.At)
		}
		if s.Results["errors"].Significance >= 1 {
			return
		}
	}
	t.Error("20 % of the candidate's requests fail, and a quarter of an hour later it is not proved")
}

// unlike are two readings of the clock of which the second's monotonic part is later by more than its
// wall part is: by less than a microsecond, as a rule.
func unlike() (before, later time.Time) {
	before, later = time.Now(), time.Now()
	for range 1_000_000 {
		if later.Sub(before) > later.Round(0).Sub(before.Round(0)) {
			break
		}
		before, later = later, time.Now()
	}
	return before, later
}
