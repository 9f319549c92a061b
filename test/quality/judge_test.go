package quality

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestScore(t *testing.T) {
	at := func(trigger string, minutes int) map[string]Decision {
		return map[string]Decision{"j": {Trigger: trigger, At: time.Duration(minutes) * time.Minute}}
	}
	bad := Truth{Bad: true, Onset: time.Hour}
	s := ScoreOf("j", []Outcome{
		{Truth: bad, By: at("e", 62)}, {Truth: bad, By: at("e", 66)}, {Truth: bad, By: at("e", 50)}, {Truth: bad, By: at("", 0)},
		{By: at("e", 3)}, {By: at("", 0)}, {By: nil},
	})
	if s.Traces != 6 || s.False != 2 || s.Missed != 1 || s.Found != 2 || *s.Median != 360 || s.P90 != nil {
		t.Errorf("%+v", s)
	}
}

func TestMannWhitney(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	sample := func(mean float64) (out []float64) {
		for range 60 {
			out = append(out, mean+rnd.NormFloat64())
		}
		return out
	}
	alike := 0
	for range 200 {
		if shifted(sample(10), sample(10)) != 0 {
			alike++
		}
	}
	// 98 %, and a tolerance of a quarter of the estimate, which takes a little away.
	if alike > 8 {
		t.Errorf("%d of 200 equal samples differ", alike)
	}
	if shifted(sample(12), sample(10)) != 1 || shifted(sample(8), sample(10)) != -1 {
		t.Error("two standard deviations are no shift")
	}
	if shifted(nil, sample(1)) != 0 || shifted([]float64{1}, []float64{0}) != 0 {
		t.Error("next to no data is a shift")
	}
}

// The tracker sees what the daemon sees of a counter.
func TestTrackerSeesGrowth(t *testing.T) {
	shape := Shape{Interval: 30 * time.Second}
	tr := newTracker(shape)
	step := 0
	take := func(scraped bool, total float64) float64 {
		step++
		tick := Tick{Now: time.Duration(step) * shape.Interval, Percent: math.NaN()}
		if scraped {
			r := make(Reading, shape.size())
			r[atGood] = total
			tick.Scrapes = []Scrape{{Pod: "p", Role: "stable", At: tick.Now - 5*time.Second, Reading: r}}
		}
		if f := tr.take(tick); len(f.Pods) == 1 {
			return f.Pods[0].By[atGood]
		}
		return -1
	}
	for i, c := range []struct {
		scraped     bool
		total, want float64
	}{
		{true, 1000, -1}, {true, 1010, 10}, // a new series skips its first interval
		{false, 0, -1}, {true, 1030, 20}, // a lost scrape is bridged
		{true, 5, 0}, {true, 15, 10}, // a reset counts as nothing
		{false, 0, -1}, {false, 0, -1}, {false, 0, -1}, {true, 25, 10}, // three lost ones as well
		{false, 0, -1}, {false, 0, -1}, {false, 0, -1}, {false, 0, -1}, {true, 35, -1}, {true, 45, 10}, // too long away
	} {
		if got := take(c.scraped, c.total); got != c.want {
			t.Errorf("step %d: grew by %g, want %g", i+1, got, c.want)
		}
	}
}
