package monitor

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
)

// The weight of an interval is that of its own time, and holds the traffic to it only once
// it has stood still for six intervals.
func TestWeightAt(t *testing.T) {
	start := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	rel := record.Release{Weight: 0, Moves: []record.Move{{At: start, From: 0, To: 5}, {At: start.Add(time.Hour), From: 5, To: 25}, {At: start.Add(2 * time.Hour), From: 25, To: 25},
		{At: start.Add(3 * time.Hour), From: 25, To: 0}}}
	for _, c := range []struct {
		name  string
		after time.Duration
		want  analysis.Weight
	}{
		{"before it began", -time.Second, analysis.Weight{Share: 0, Steady: true}},
		{"at the start", 0, analysis.Weight{Share: 0.05}},
		{"five intervals later", 5 * paperInterval, analysis.Weight{Share: 0.05}},
		{"six intervals later", 6 * paperInterval, analysis.Weight{Share: 0.05, Steady: true}},
		{"just before the next step", time.Hour - 1, analysis.Weight{Share: 0.05, Steady: true}},
		{"at the next step", time.Hour, analysis.Weight{Share: 0.25}},
		{"a move that moves nothing", 2 * time.Hour, analysis.Weight{Share: 0.25, Steady: true}},
		{"after the rollback", 3*time.Hour + time.Second, analysis.Weight{Share: 0}},
	} {
		if got := WeightAt(rel, start.Add(c.after), paperInterval); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := WeightAt(record.Release{Weight: 40}, start, paperInterval); got != (analysis.Weight{Share: 0.4, Steady: true}) {
		t.Errorf("without moves: %+v", got)
	}
}
