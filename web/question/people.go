package question

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// Approvers are those that the runbook names.
func (q Question) Approvers() []string {
	if q.Runbook == nil {
		return nil
	}
	return q.Runbook.Policy.Approvers
}

// mostNamed is how many approvers are named beside the question.
const mostNamed = 3

// WhoMay says who may answer, see [policy.MayAnswer].
func (q Question) WhoMay() string {
	named := q.Approvers()
	switch n := len(named); {
	case q.Who.Name == "" && !q.MaySign:
		return "Anybody with this link may answer"
	case n == 0:
		return "The runbook names no approver: only people with the role approve may answer"
	case n > mostNamed:
		return fmt.Sprintf("%s and %d others may answer", strings.Join(named[:mostNamed-1], ", "), n-mostNamed+1)
	}
	return strings.Join(named, " or ") + " may answer"
}

// Barred says why the person who looks may not answer; empty: they may.
func (q Question) Barred() string {
	if q.Who.Name == "" && q.MaySign {
		return "Sign in to answer."
	}
	if q.Who.Name != "" && policy.MayAnswer(q.Approval.Service, q.Approvers(), q.Who) != nil {
		return "You may look, but not answer: you are " + q.Who.Name + "."
	}
	return ""
}

// LinkOnly reports whether nobody can sign in, so that the link alone answers.
func (q Question) LinkOnly() bool { return q.Who.Name == "" && !q.MaySign }

// Left is how long there is to answer.
func (q Question) Left() *Age { return age(q.Approval.ExpiresAt.Sub(q.At)) }

// Until is the time until which it can be answered; the day is said where it is not today.
func (q Question) Until() string { return moment(q.Approval.ExpiresAt, q.At) }

func moment(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05 UTC")
	}
	return t.Format("2006-01-02 15:04:05 UTC")
}

// Silence says what happens if nobody answers.
func (q Question) Silence() string { return kinds[q.Approval.Kind].silence(q) }

// Second says that an answer takes two people, and who gave it first; empty: it takes one.
func (q Question) Second() string {
	in, what := policy.Protected{Action: record.OrderReject, Rejected: !q.Incident.RejectedAt.IsZero()}, "A no"
	if q.Approval.Kind == record.AcceptSplit {
		in, what = policy.Protected{Action: record.OrderAcceptSplit, Frozen: policy.Frozen(q.Live.Release, q.Incident)}, "A yes"
	}
	if q.Promotion() || !policy.TwoPeople(q.Runbook, in) {
		return ""
	}
	for _, w := range q.Live.Waiting {
		if w.Action == in.Action {
			return fmt.Sprintf("%s takes two people: %s gave it at %s (%s), and it waits for somebody else until %s.",
				what, w.Name, moment(w.At, q.At), w.Reason, moment(w.Waits, q.At))
		}
	}
	return fmt.Sprintf("%s takes two people: the first one's waits for a second, %s at most.", what, report.Span(policy.SecondWithin))
}
