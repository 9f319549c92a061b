package monitor

import (
	"fmt"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
)

const perDay = 24 * 60 * 4 // intervals

// day closes the intervals from one to another, in which pod c1 gets a request each.
func day(c *Counter, from, to int) (last Interval) {
	for i := from; i <= to; i++ {
		add(c, "requests", fmt.Sprintf("%d:%d", 15*i-5, i))
		last = c.Close(end(i))
	}
	return last
}

func TestEventsAreRememberedForADay(t *testing.T) {
	for _, c := range []struct {
		name string
		back int // the interval in which they come back, 401 of them
		want string
	}{
		{"a day later", perDay, "1/1"},
		{"two days later they are new", 2 * perDay, "1/1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(ranker(), []rules.Measure{revenue()}, release)
			day(counter, 1, 1)
			add(counter, "sums", "25:400")
			add(counter, "squares", "25:400")
			day(counter, 2, c.back-1)
			add(counter, "sums", fmt.Sprintf("%d:401", 15*c.back-5))
			got := day(counter, c.back, c.back).Counts["kpi/revenue"][0]
			if want := map[bool]float64{true: 1, false: 401}[c.back < 2*perDay]; got.Bad != want {
				t.Errorf("grew by %v, not %v", got.Bad, want)
			}
		})
	}
}

// What is kept does not grow with the age of a release, though its pods come and go.
func TestVanishedPodsAreForgotten(t *testing.T) {
	c := NewCounter(ranker(), []rules.Measure{requests()}, release)
	for i := 1; i <= 3*perDay; i++ {
		if i%400 == 1 {
			add(c, fmt.Sprintf("requests{pod=p%d,code=200}", i), fmt.Sprintf("%d:1", 15*i-5))
			add(c, fmt.Sprintf("requests{pod=p%d,code=500}", i), fmt.Sprintf("%d:1", 15*i-5))
		}
		day(c, i, i)
	}
	if n := len(c.pods); n != len(c.order) || n > perDay/400+3 || c.Series() > 2*n {
		t.Errorf("%d pods (%d in order), %d series", n, len(c.order), c.Series())
	}
}

// With too many vanished series nobody knows any more what is new.
func TestVanishedSeriesAreBounded(t *testing.T) {
	c := NewCounter(ranker(), []rules.Measure{failures()}, release)
	day(c, 1, 1)
	for i := range mostVanished + 50 {
		add(c, fmt.Sprintf("failures{user=%d}", i), fmt.Sprintf("25:%d", i))
	}
	day(c, 2, 50)
	if n := c.Series(); n > mostVanished+1 {
		t.Errorf("%d series are kept", n)
	}
	born := func(at int) float64 {
		add(c, fmt.Sprintf("failures{user=new%d}", at), fmt.Sprintf("%d:1", 15*at-5))
		return day(c, at, at).Counts[analysis.Requests][0].Bad
	}
	if n := born(51); n != 0 {
		t.Errorf("a series that may be old grew by %v", n)
	}
	day(c, 52, 51+perDay)
	if n := born(52 + perDay); n != 1 {
		t.Errorf("a day later a new series grew by %v", n)
	}
}

// A series of a pod that nobody asks for is not kept, nor one without a sample that counts.
func TestNothingIsKeptOfWhatNobodyWants(t *testing.T) {
	c := NewCounter(ranker(), []rules.Measure{requests(), latency(1)}, release)
	add(c, "other", "5:1")
	add(c, "seconds_bucket{le=2}", "5:1")
	add(c, "seconds_bucket{le=nonsense}", "5:1")
	c.Add(&model.SampleStream{Metric: metric("requests")})
	if c.Series() != 0 {
		t.Errorf("%d series", c.Series())
	}
}
