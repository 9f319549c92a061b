package monitor

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
)

func TestOnsetAsMoments(t *testing.T) {
	const every = 15 * time.Second
	end := time.Date(2026, 11, 20, 15, 10, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return end.Add(time.Duration(seconds) * time.Second) }
	for name, c := range map[string]struct {
		x              analysis.Onset
		began          time.Time
		from, to, best time.Time
	}{
		"the interval and the scrape before it": {
			analysis.Onset{Part: 1, Likely: 4, First: 4, Last: 4}, at(-600), at(-90), at(-60), at(-75)},
		"in the middle of an interval": {
			analysis.Onset{Part: 0.2, Likely: 4, First: 6, Last: 3}, at(-600), at(-120), at(-45), at(-63)},
		"a bracket": {
			analysis.Onset{Part: 1, Likely: 4, First: 6, Last: 3}, at(-600), at(-120), at(-45), at(-75)},
		"not before the first request": {
			analysis.Onset{Part: 1, Likely: 4, First: 6, Last: 3}, at(-70), at(-70), at(-45), at(-70)},
		"perhaps before the first count": {
			analysis.Onset{Part: 1, Likely: 4, First: 20, Last: 3, Open: true}, at(-600), at(-600), at(-45), at(-75)},
		"from the first count on": {
			analysis.Onset{Part: 1, Likely: 20, First: 20, Last: 18, Open: true, Whole: true}, at(-600), at(-600), at(-270), at(-600)},
	} {
		got := onsetOf(c.x, c.began, end, every)
		same := got.From.Equal(c.from) && got.To.Equal(c.to) && got.At.Equal(c.best)
		if !same || got.Open != c.x.Open || got.Method == "" {
			t.Errorf("%s: %+v, want %s to %s, most likely %s", name, got, c.from, c.to, c.best)
		}
	}
}

// Of several triggers harm began with the first.
func TestOnsetIsTheEarliest(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 11, 20, 15, 0, s, 0, time.UTC) }
	slow := record.Onset{From: at(1), To: at(3), At: at(2)}
	got := earliest(map[string]record.Onset{"slow": slow, "fails": {From: at(4), To: at(6), At: at(5)}})
	if len(got) != 2 || got["slow"] != slow || got["fails"] != slow {
		t.Errorf("%+v", got)
	}
	if got := earliest(map[string]record.Onset{}); len(got) != 0 {
		t.Errorf("of none: %+v", got)
	}
}
