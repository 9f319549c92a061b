package monitor

import (
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
)

// onsets are since when there is harm, of the triggers that are significant at the end of an interval:
// the earliest one of them, as what is slow first and fails then did harm from the beginning.
func (o *Observer) onsets(
	results map[string]analysis.Result, losses *analysis.Losses, t Target, end time.Time,
) map[string]record.Onset {
	out := map[string]record.Onset{}
	for name, r := range results {
		if !(r.Significance >= 1) {
			continue
		}
		trigger, _ := t.Runbook.Trigger(name)
		if x, ok := o.analysis.Onset(name); ok {
			x = losses.Sharpen(trigger, x, r.Dispersion)
			out[name] = onsetOf(x, t.Release.Began(), end, o.every)
		}
	}
	return earliest(out)
}

// earliest has every trigger say when harm of any of them began.
func earliest(all map[string]record.Onset) map[string]record.Onset {
	var first record.Onset
	for _, x := range all {
		if first.At.IsZero() || x.At.Before(first.At) || x.At.Equal(first.At) && x.From.Before(first.From) {
			first = x
		}
	}
	for name := range all {
		all[name] = first
	}
	return all
}

// onsetOf is an estimate in intervals as moments. What an interval counts is the growth since the
// scrape before, and that is up to an interval older than the interval itself. Nothing is older
// than the candidate's first request; harm that was there in the first judged interval may be as
// old as that.
func onsetOf(x analysis.Onset, began, end time.Time, every time.Duration) record.Onset {
	ended := func(ago int) time.Time { return end.Add(-time.Duration(ago) * every) }
	out := record.Onset{From: ended(x.First + 2), To: ended(x.Last), Open: x.Open, Method: record.OnsetMethod,
		At: ended(x.Likely).Add(-time.Duration(x.Part * float64(every)))}
	if x.Whole {
		out.At = began
	}
	if x.Open || out.From.Before(began) {
		out.From = began
	}
	if out.At.Before(out.From) {
		out.At = out.From
	}
	return out
}
