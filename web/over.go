package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web/question"
)

// What a link says once it cannot be answered any more. A link whose signature is ours names its
// incident; any other names nothing.

// A stop is the page of a link that leads to no question that waits.
type stop struct {
	notice
	ended *question.Ended // nil: the notice is the page
}

func (s *server) stopped(w http.ResponseWriter, at stop) {
	if at.ended != nil {
		s.render(w, at.code, "ended.html", at.ended)
		return
	}
	s.explain(w, at.notice)
}

// ask looks up what a link is about. Links that are not ours and questions that do
// not exist look the same.
func (s *server) ask(ctx context.Context, r *http.Request, who visitor) (question.Question, *stop) {
	claims, err := s.Tokens.Verify(r.PathValue("token"), time.Now())
	expired := errors.Is(err, report.ErrExpired)
	if err != nil && !expired {
		return question.Question{}, noQuestion()
	}
	a, err := s.Engine.Approval(ctx, claims.Approval)
	gone := errors.Is(err, runbook.ErrNotFound)
	switch {
	case err == nil && errors.Is(claims.Match(a), report.ErrToken), gone && !expired:
		return question.Question{}, noQuestion()
	case expired:
		return question.Question{}, s.tooLate(ctx, who, claims, a, err)
	case err != nil:
		return question.Question{}, s.unreadable(s.problemOf(err))
	case claims.Match(a) != nil:
		return question.Question{}, s.stale(ctx, who, claims)
	case a.Status != record.Pending:
		return question.Question{}, s.over(ctx, who, a)
	}
	q, p := s.look(ctx, who, a)
	switch {
	case p != nil:
		return q, s.unreadable(*p)
	case q.Stale():
		return q, s.stale(ctx, who, claims)
	}
	return q, nil
}

func noQuestion() *stop {
	return &stop{notice: notice{code: http.StatusNotFound, Title: "There is no such question",
		Text: "The link is incomplete or was changed on its way, or it belongs to another installation."}}
}

func (s *server) unreadable(p problem) *stop {
	return &stop{notice: notice{code: p.code, Title: "The question cannot be shown now", Text: p.text + ". Reload this page."}}
}

// stale is the page of a question that waits for a plan which is not the plan any more.
func (s *server) stale(ctx context.Context, who visitor, claims report.Claims) *stop {
	e := s.ended(ctx, who, linked(claims))
	n := notice{code: http.StatusConflict, Title: "The plan has changed", Subject: e.Subject(), Incident: claims.Incident, ByHand: e.ByHand(),
		Text: "Somebody wrote the router's keys, or the release moved on, since this question was asked. Nothing was done. " +
			"A new question comes with a new link if one is still needed."}
	if e.Incident != nil {
		n.Stands = report.Stands(*e.Incident)
	}
	return &stop{notice: n}
}

// linked is as much of an approval as its link says.
func linked(c report.Claims) record.Approval {
	return record.Approval{ID: c.Approval, Kind: c.Kind, Service: c.Service, Region: c.Region, Incident: c.Incident, Release: c.Release, ExpiresAt: c.Expires}
}

// over is the page of a question that waits no more.
func (s *server) over(ctx context.Context, who visitor, a record.Approval) *stop {
	e := s.ended(ctx, who, a)
	code := http.StatusConflict
	if a.Status == record.Expired || a.Status == record.Superseded {
		code = http.StatusGone
	}
	return &stop{notice{code: code}, &e}
}

// tooLate is the page of a link of ours whose time is over. a is its question; failed says why that
// was not read.
func (s *server) tooLate(ctx context.Context, who visitor, claims report.Claims, a record.Approval, failed error) *stop {
	if failed != nil {
		a = linked(claims)
	}
	e := s.ended(ctx, who, a)
	if failed != nil && !errors.Is(failed, runbook.ErrNotFound) {
		e.Problem = s.problemOf(failed).text + ". Reload this page."
	}
	return &stop{notice{code: http.StatusGone}, &e}
}

// ended looks up what became of a question. What cannot be read is left out.
func (s *server) ended(ctx context.Context, who visitor, a record.Approval) question.Ended {
	e := question.Ended{Approval: a, At: time.Now()}
	if a.Incident != "" {
		inc, err := s.Engine.Incident(ctx, a.Incident)
		if err == nil {
			e.Incident = &inc
		}
		e.Gone = errors.Is(err, runbook.ErrNotFound)
	}
	e.Release, _ = s.Engine.Release(ctx, a.Service, a.Region)
	if id := e.Waiting(); id != "" && who.signedIn() { // who holds a link alone holds that one alone
		if newer, err := s.Engine.Approval(ctx, id); err == nil && newer.Status == record.Pending && !s.Tokens.Empty() {
			e.Newer = report.ApprovePath + s.Tokens.Sign(newer)
		}
	}
	return e
}

// answered is the page after an answer that was taken.
func (s *server) answered(ctx context.Context, w http.ResponseWriter, who visitor, a record.Approval) {
	s.render(w, http.StatusOK, "ended.html", s.ended(ctx, who, a))
}
