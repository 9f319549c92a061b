package question

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// An Effect is what a trigger does to users, as it is now or, where that is not so or cannot be
// told, as it was when it was confirmed.
type Effect struct {
	Still   bool   // it is so now
	What    string // in numbers; empty: there is no trigger
	Limit   string // that the runbook sets; empty: none
	Now     string // how it stands now, where it is not still so
	Problem string // why that cannot be told
	Age     *Age   // of what is said of now; nil: nothing was asked
	Since   string // how long ago it was confirmed
}

// An Age is how old something was when the page was made.
type Age struct {
	Text    string
	Seconds int
}

func age(d time.Duration) *Age {
	d = max(0, d.Truncate(time.Second))
	return &Age{report.Span(d), int(d.Seconds())}
}

// Effect is what the incident's trigger does.
func (q Question) Effect() Effect {
	now, then := q.Live.Breach, q.Incident.Breach
	e := Effect{Still: now.State == record.Breaching, Age: q.asked()}
	if e.Still {
		e.What, e.Limit = q.reading(now.Value)
		return e
	}
	if e.Now, e.Problem = stands(now); then.Trigger == "" {
		return e
	}
	e.Since = report.Span(max(0, q.At.Sub(then.AskedAt)))
	if then.AskedAt.IsZero() {
		e.Since = report.Span(max(0, q.At.Sub(q.Incident.OpenedAt)))
	}
	e.What, e.Limit = q.reading(then.Value)
	return e
}

// stands says how a trigger stands that is not known to breach now, and why not more is known.
func stands(b record.Breach) (now, problem string) {
	if b.Unjudged() {
		return "Whether it is still more than chance cannot be told yet", b.Problem
	}
	switch b.State {
	case record.NotBreaching:
		return "Not breaching any more", ""
	case record.NoData:
		return "No data: whether it is still so cannot be told", b.Problem
	case record.NoTrigger:
		return "The checks after the last step failed", ""
	case record.Unreachable:
		return "Prometheus does not answer: whether it is still so cannot be told", b.Problem
	}
	return "Whether it is still so cannot be told", b.Problem
}

// asked is how old the newest answer is: the older one of Prometheus' answer and of the significance
// that was held beside it.
func (q Question) asked() *Age {
	at, sig := q.Live.Breach.AskedAt, q.Live.Breach.Significance
	switch {
	case at.IsZero():
		return nil
	case !sig.At.IsZero() && sig.Problem == "" && sig.At.Before(at):
		at = sig.At
	}
	return age(q.At.Sub(at))
}

// reading says a value of the incident's trigger against the stable version, and its limit.
func (q Question) reading(value float64) (what, limit string) {
	name := q.Incident.Breach.Trigger
	if q.Runbook != nil {
		if t, ok := q.Runbook.Trigger(name); ok {
			what, limit = t.ReadingAgainst(q.Stable().Version, value)
			return report.Upper(what), limit
		}
	}
	return name + " at " + runbook.Figure(value), ""
}

// Harm is what users got of it so far, beyond what chance explains, or that it cannot be told; empty:
// nothing.
func (q Question) Harm() string {
	if x := q.Live.Impact; x != nil && x.Problem != "" {
		return "how many it hit cannot be told: " + x.Problem
	}
	return report.Harmed(q.Live.Impact)
}

// Reasons are why a human is asked.
func (q Question) Reasons() []string {
	if q.Promotion() {
		return []string{"this step's time is over, a rollback is possible, and nothing objects"}
	}
	return q.Incident.Decision.Reasons
}

// Held says what somebody else did to the split; empty: nobody did.
func (q Question) Held() string {
	h := q.Live.Release.Held
	if h == nil {
		return ""
	}
	backend := q.Candidate().Backend
	return fmt.Sprintf("Somebody else set %s from %v %% to %v %%, %s ago. Since then nothing is moved automatically.",
		q.Candidate().Version, h.Want[backend], h.Found[backend], report.Span(max(0, q.At.Sub(h.Since))))
}

// Step says how the candidate did at the share that it has.
func (q Question) Step() string {
	rel := q.Live.Release
	if rel.Weight == 0 || rel.WeightChangedAt.IsZero() {
		return "It gets no traffic yet."
	}
	return fmt.Sprintf("It has had %v %% for %s.", rel.Weight, report.Span(max(0, q.At.Sub(rel.WeightChangedAt))))
}
