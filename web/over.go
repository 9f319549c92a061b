package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// What a link says once it cannot be answered any more. A link whose signature is ours names its
// incident; any other names nothing.

func noQuestion() *notice {
	return &notice{code: http.StatusNotFound, Title: "There is no such question", Text: "The link is incomplete or was changed on its way, or it belongs to another installation."}
}

// open says why a question cannot be answered by this link any more.
func open(a record.Approval, claims report.Claims) *notice {
	if claims.Match(a) != nil {
		return stale()
	}
	switch a.Status {
	case record.Pending:
		return nil
	case record.Expired, record.Superseded:
		return &notice{code: http.StatusGone, Title: overTitle[a.Status], Text: ended(a)}
	}
	return &notice{code: http.StatusConflict, Title: "This was answered already", Text: ended(a)}
}

var overTitle = map[record.ApprovalStatus]string{
	record.Expired: "This question has expired", record.Superseded: "This question was overtaken",
}

func stale() *notice {
	return &notice{code: http.StatusConflict, Title: "The plan has changed", Text: "Somebody wrote the router's keys, or the release moved on, since this question was asked. Nothing was done. A new question comes with a new link if one is still needed."}
}

// ended says what became of a question that waits no more.
func ended(a record.Approval) string {
	switch a.Status {
	case record.Approved, record.Rejected:
		return fmt.Sprintf("%s by %s (%s) at %s. The first answer stands.", a.Status, a.By, howWord(a.How), clock(a.DecidedAt))
	case record.Superseded:
		return "The plan moved on, or a severe breach was faster. If there is a newer question, it has a link of its own."
	}
	return "Nobody answered in time. What happened then is in the incident."
}

// tooLate is what a link of ours says whose time is over.
func (s *server) tooLate(ctx context.Context, claims report.Claims) *notice {
	n := notice{code: http.StatusGone, Title: "This link has expired", Text: "Its time to answer is over."}
	a, err := s.Engine.Approval(ctx, claims.Approval)
	switch {
	case err == nil && errors.Is(claims.Match(a), report.ErrToken):
		return noQuestion()
	case err == nil:
		n.Text = ended(a)
	case !errors.Is(err, runbook.ErrNotFound):
		n.Text = s.problemOf(err).text + ". Reload this page."
	}
	return s.about(ctx, n, claims)
}

// about adds what a link was for, how that stands now, and what can be done by hand.
func (s *server) about(ctx context.Context, n notice, claims report.Claims) *notice {
	n.Subject, n.Incident = claims.Service+" in "+claims.Region, claims.Incident
	n.ByHand = report.ByHand(claims.Kind, claims.Service, claims.Region)
	if claims.Incident == "" { // a step has none
		return &n
	}
	inc, err := s.Engine.Incident(ctx, claims.Incident)
	switch {
	case errors.Is(err, runbook.ErrNotFound):
		n.Stands = "no longer in the store"
	case err == nil:
		n.Stands = report.Stands(inc)
	}
	if err == nil && (inc.Phase == record.Done || !inc.ActedAt.IsZero()) {
		n.ByHand = ""
	}
	return &n
}
