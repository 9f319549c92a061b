package report

import (
	"cmp"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A tile is one of the four times that people ask for first.
type tile struct{ Name, Value, Note string }

// tiles are when harm began, and how long after that it was detected, the traffic moved, and users
// recovered. A time that is not known, or not reached, says so.
func tiles(inc record.Incident) []tile {
	t := told{inc: inc}
	return []tile{t.harmTile(), t.detectedTile(), t.movedTile(), t.recoveredTile()}
}

func (t told) harmTile() tile {
	h := t.inc.Harm()
	switch {
	case t.inc.Breach.Trigger == "":
		return tile{"Harm began", "–", "no trigger breached"}
	case h.At.IsZero():
		return tile{"Harm began", "not known", "before it was detected"}
	case h.Open:
		return tile{"Harm began", timeOf(h.At), "or later: it was there from the first request to " + t.from()}
	}
	return tile{"Harm began", timeOf(h.At), "UTC on " + h.At.UTC().Format(time.DateOnly) + ", give or take " + runbook.Span(max(h.At.Sub(h.From), h.To.Sub(h.At)).Round(time.Second))}
}

func timeOf(at time.Time) string { return at.UTC().Format(time.TimeOnly) }

// detected is when an alert fired or the watcher found the breach; zero where a human acted on their own.
func (t told) detected() time.Time {
	if t.inc.Breach.Trigger == "" {
		return time.Time{}
	}
	return noticed(t.inc).at
}

func (t told) detectedTile() tile {
	at := t.detected()
	switch began := t.inc.Harm().At; {
	case at.IsZero():
		return tile{"Detected after", "–", "no alert fired"}
	case began.IsZero():
		return tile{"Detected", timeOf(at), "UTC on " + at.UTC().Format(time.DateOnly) + ", when " + t.how()}
	default:
		return tile{"Detected after", runbook.Span(at.Sub(began)), t.how() + " at " + timeOf(at) + " UTC"}
	}
}

// how says what detected it.
func (t told) how() string {
	if t.inc.Source == record.Watcher {
		return "the watcher found it"
	}
	return "the alert fired"
}

func (t told) movedTile() tile {
	at := t.inc.ActedAt
	switch began := t.inc.Harm().At; {
	case at.IsZero():
		return tile{"Moved after", "not moved", "no traffic was moved by autorollback"}
	case !began.IsZero():
		return tile{"Moved after", runbook.Span(at.Sub(began)), runbook.Span(at.Sub(t.detected())) + " after detection"}
	case t.detected().IsZero():
		return tile{"Moved", timeOf(at), "UTC, when it was ordered"}
	default:
		return tile{"Moved after", runbook.Span(at.Sub(t.detected())), "counted from detection"}
	}
}

func (t told) recoveredTile() tile {
	v, since := t.inc.Verdict, "counted from detection"
	zero := t.detected()
	if began := t.inc.Harm().At; !began.IsZero() {
		zero, since = began, ""
	}
	switch {
	case v == nil && hasActed(t.inc) && !isOver(t.inc):
		return tile{"Recovered after", "not yet", "recovery is being checked"}
	case v == nil:
		return tile{"Recovered after", "–", "nothing was moved"}
	case v.Outcome != record.Recovered:
		short := map[record.Outcome]string{record.NotRecovered: "NOT recovered", record.CannotTell: "cannot tell"}[v.Outcome]
		return tile{"Recovered after", cmp.Or(short, "–"), "verdict at " + timeOf(v.At) + " UTC"}
	case zero.IsZero():
		return tile{"Recovered after", runbook.Span(v.At.Sub(t.inc.ActedAt)), "counted from the move"}
	case since == "":
		since = runbook.Span(v.At.Sub(t.inc.ActedAt)) + " after the move"
	}
	return tile{"Recovered after", runbook.Span(v.At.Sub(zero)), since}
}
