package monitor

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/analysis"
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
