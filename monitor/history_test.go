package monitor

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
)

// The curves of a daemon that saw everything as it came are those of one that rebuilt them, for a
// release whose older samples have been thinned out.
func TestCurvesLiveAndRebuiltAgree(t *testing.T) {
	watched(t, 3*time.Hour, func(t *testing.T, m *Monitor, p *paper, x Target) {
		p.set(func(p *paper) { p.harm = time.Now().Add(time.Minute) })
		time.Sleep(70 * time.Minute)
		again := New(p, zap.NewNop()).Replica(x)
		if _, err := again.CatchUp(t.Context(), m.Snapshots()[0].At.Add(Lag(paperInterval))); err != nil {
			t.Fatal(err)
		}
		live, ok := m.Curves("rel-1")
		if !ok || len(live) != 1 || live[0].Name != "errors" { // the other trigger compares nothing
			t.Fatalf("curves %v", live)
		}
		for _, c := range append(live, again.Curves()...) {
			n := len(c.Samples)
			if n <= denseSamples || n > denseSamples+sparseSamples {
				t.Errorf("%d samples are kept", n)
			}
			last := c.Samples[n-1]
			if math.Abs(float64(last.Candidate)-0.2) > 0.001 || math.Abs(float64(last.Stable)-0.01) > 0.001 || last.Limit != 0.05 || !(last.Significance > 1) {
				t.Errorf("an hour of 20 %% errors: %+v", last)
			}
			if c.Drawn != "error rate, over 3m" || c.Unit != "ratio" || c.Limit != "5 % and 1.5 × stable" || c.Floor {
				t.Errorf("it says of itself %+v", c)
			}
		}
		if a, b := asJSON(t, live), asJSON(t, again.Curves()); a != b {
			t.Errorf("live:\n%.600s\nrebuilt:\n%.600s", a, b)
		}
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A rollback ends the watching; what was known until then stays, of the newest few releases.
func TestCurvesOutliveTheWatching(t *testing.T) {
	watched(t, time.Hour, func(t *testing.T, m *Monitor, p *paper, x Target) {
		time.Sleep(time.Minute)
		before, _ := m.Curves("rel-1")
		m.Watch(t.Context(), nil)
		after, ok := m.Curves("rel-1")
		if !ok || len(before[0].Samples) == 0 || asJSON(t, before) != asJSON(t, after) {
			t.Errorf("%d samples are left of %d, %v", len(after), len(before), ok)
		}
		if _, ok := m.Curves("rel-2"); ok {
			t.Error("curves of a release that was never watched")
		}
		for i := range mostLeft {
			x.Release.ID = string(rune('a' + i))
			m.Watch(t.Context(), []Target{x})
			m.Watch(t.Context(), nil)
		}
		if _, ok := m.Curves("rel-1"); ok || len(m.left) != mostLeft {
			t.Errorf("%d releases are left", len(m.left))
		}
	})
}

// However long a release is open, its curves do not grow, and all that is kept is what the rule
// says: what one began to watch later has of the same time the same.
func TestHistoryIsBounded(t *testing.T) {
	every, from := 5*time.Second, time.Unix(1_800_000_000, 0)
	old, young := newHistory(every), newHistory(every)
	n := 3 * int(longest/every)
	for i := range n {
		end := from.Add(time.Duration(i) * every)
		result := map[string]analysis.Result{"x": {Level: [2]float64{float64(i), 1}, Significance: 0.5}}
		old.add(end, result)
		if i > n-int(longest/every)-10 {
			young.add(end, result)
		}
		if got := cap(old.triggers["x"]); got > 2*(denseSamples+sparseSamples+slack) {
			t.Fatalf("room for %d samples", got)
		}
	}
	kept := func(h history) []level {
		var out []level
		all := h.triggers["x"]
		for _, l := range all {
			if h.kept(l.end, all[len(all)-1].end) {
				out = append(out, l)
			}
		}
		return out
	}
	if a, b := kept(old), kept(young); !reflect.DeepEqual(a, b) {
		t.Errorf("the old one keeps %d samples, the young one %d", len(a), len(b))
	} else if len(a) < denseSamples+sparseSamples/2 || len(a) > denseSamples+sparseSamples {
		t.Errorf("%d samples are kept", len(a))
	}
}
