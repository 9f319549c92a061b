package report

import (
	"fmt"
	"math"
	"strconv"
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
	return limit + " over " + span(t.For.Std())
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

// span writes a duration for people: 850 ms, 4.2 s, 2 m 05 s, 1 h 03 m.
func span(d time.Duration) string {
	if d < 0 {
		return "−" + span(-max(d, -math.MaxInt64)) // the least has no opposite
	}
	switch {
	case d == 0:
		return "0 s"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		d = d.Truncate(time.Second)
		if d%time.Minute == 0 {
			return fmt.Sprintf("%d m", d/time.Minute)
		}
		return fmt.Sprintf("%d m %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Truncate(time.Minute)
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d h %02d m", d/time.Hour, d%time.Hour/time.Minute)
}

// offset is a time since the origin, with its sign.
func offset(d time.Duration) string {
	if d < 0 {
		return span(d)
	}
	return "+" + span(d)
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
