package report

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// effect says a breach's value in words.
func effect(b record.Breach, t runbook.Trigger) string {
	if b.Unjudged() {
		return "its significance is not known yet"
	}
	if b.State != record.Breaching {
		return map[record.State]string{
			record.NotBreaching: "not breaching when asked",
			record.NoData:       "no data",
			record.Unreachable:  "Prometheus could not be asked",
		}[b.State]
	}
	text, _ := t.Reading(b.Value)
	return text
}

// threshold says what the runbook allows.
func threshold(t runbook.Trigger) string {
	_, limit := t.Reading(0)
	if limit == "" {
		return ""
	}
	return limit + " over " + runbook.Span(t.For.Std())
}

// odds says a log e-value as odds against chance: exp(logE) to 1. By Ville's
// inequality an e-value ever reaches e with a chance of at most 1/e when nothing is
// wrong, however often it is looked at.
func odds(logE float64) string {
	switch {
	case logE <= 0 || math.IsNaN(logE):
		return ""
	case logE > math.Log(1e12):
		return "more than 1,000,000,000,000 : 1 against chance"
	}
	return runbook.Figure(math.Exp(logE)) + " : 1 against chance"
}

// offset is a time since the origin, with its sign.
func offset(d time.Duration) string {
	if d < 0 {
		return runbook.Span(d)
	}
	return "+" + runbook.Span(d)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// trigger finds the incident's trigger, or one that has only its name.
func trigger(inc record.Incident, rb *runbook.Runbook) runbook.Trigger {
	if rb != nil {
		if t, ok := rb.Trigger(inc.Breach.Trigger); ok {
			return t
		}
	}
	return runbook.Trigger{Name: inc.Breach.Trigger, Severity: inc.Breach.Severity}
}
