package report

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// alerted is when the breach was noticed first: Prometheus' own answer, else the earliest alert, else
// when the incident was opened. Harm began before it.
func alerted(inc record.Incident) time.Time {
	if !inc.Breach.StartedAt.IsZero() {
		return inc.Breach.StartedAt
	}
	first := inc.OpenedAt
	for _, a := range inc.Alerts {
		if !a.StartsAt.IsZero() && a.StartsAt.Before(first) {
			first = a.StartsAt
		}
	}
	return first
}

// noticed is how somebody came to know, first: an alert fired, or the watcher found the breach without
// one. Nothing of both where a human asked.
func noticed(inc record.Incident) moment {
	m := moment{name: "Alert fired", word: "alert"}
	if inc.Source == record.Watcher {
		m = moment{name: "Found by the watcher", word: "found"}
	}
	if !inc.Breach.StartedAt.IsZero() || len(inc.Alerts) > 0 {
		m.at = alerted(inc)
	}
	return m
}

// origin is the moment from which times count: when harm began as far as that is known, else the
// alert.
func origin(inc record.Incident) time.Time {
	if at := inc.Harm().At; !at.IsZero() {
		return at
	}
	return alerted(inc)
}

// originName says which of them it is.
func originName(inc record.Incident) string {
	switch {
	case !inc.Harm().At.IsZero():
		return "harm began"
	case inc.Source == record.Watcher:
		return "the watcher found it"
	case noticed(inc).at.IsZero():
		return "the incident was opened"
	}
	return "the alert"
}

// afterOrigin is how long after it a moment is, in words: "about 3 m after harm began".
func afterOrigin(inc record.Incident, at time.Time) string {
	about := ""
	if !inc.Harm().At.IsZero() {
		about = "about "
	}
	return about + runbook.Span(at.Sub(origin(inc))) + " after " + originName(inc)
}

// began says when harm began: the bracket of the estimate. Empty where nothing breached.
func began(inc record.Incident) string {
	switch h := inc.Harm(); {
	case inc.Breach.Trigger == "":
		return ""
	case h.At.IsZero():
		return "not known: before it was noticed"
	case h.Open:
		return "between the candidate's first request, " + clock(h.From) + ", and " + clock(h.To) + " (estimated)"
	default:
		from, to := h.From.UTC(), h.To.UTC()
		if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
			return "between " + clock(from) + " and " + clock(to) + " (estimated)"
		}
		return "between " + from.Format("2006-01-02 15:04:05") + " and " + to.Format("15:04:05") + " UTC (estimated)"
	}
}

// A moment is a step of an incident with what it is; at is zero until it is reached.
type moment struct {
	name string // as a fact
	word string // in the picture
	at   time.Time
}

// moments are the steps from harm to recovery, in order, each called what it is: harm began by the
// counts, an alert fired, we decided, the router's weights were written, Prometheus showed that the
// candidate gets nothing, and that users get what they got before.
func moments(inc record.Incident) []moment {
	ended := moment{"Recovery proved", "recovered", time.Time{}}
	if v := inc.Verdict; v != nil {
		ended = moment{"Verdict", ended.word, v.At}
		switch v.Outcome {
		case record.Recovered:
			ended.name = "Recovery proved"
		case record.WrongCause:
			ended.word = "wrong cause"
		case record.CannotTell:
			ended.word = "cannot tell"
		default:
			ended.word, _ = standing(inc)
		}
	}
	return []moment{
		{"Harm began", "harm began", inc.Harm().At}, noticed(inc),
		{"Decided", "decided", inc.Decision.At},
		{"Traffic moved", "moved", inc.ActedAt}, {"Drain measured", "drained", inc.DrainedAt}, ended,
	}
}
