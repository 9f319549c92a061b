package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// A question is an approval with everything a person must see before answering.
type question struct {
	Approval  record.Approval
	Incident  record.Incident
	Live      Live
	Runbook   *runbook.Runbook // nil: none is in force
	Approvers []string
	At        time.Time     // when all of this was looked up
	Who       record.Caller // without a name: nobody has signed in
	MaySign   bool          // there is a way to sign in
	Nonce     string
	Typed     Decision // the last answer, if it was not taken
	Mistake   mistake  // why it was not
	Confirm   bool     // the service was named: only the button is left
}

// Rollback reports whether yes means moving traffic.
func (q question) Rollback() bool { return q.Approval.Kind == "rollback" }

// Promotion reports whether yes means the next step of the ramp.
func (q question) Promotion() bool { return q.Approval.Kind == "promote" }

// Breaching reports whether the trigger is still true.
func (q question) Breaching() bool { return q.Live.Breach.State == record.Breaching }

// Quiet reports whether a rollback needs to be wanted anyway.
func (q question) Quiet() bool { return policy.NeedsAnyway(q.Approval.Kind, q.Live.Breach) }

// showApproval is the page behind a link. It changes nothing, however often and by
// whomever it is opened.
func (s *server) showApproval(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	q, stop := s.ask(ctx, r, who)
	if stop != nil {
		s.explain(w, *stop)
		return
	}
	q.Nonce = setNonce(w, r, "/approve/")
	s.form(w, http.StatusOK, q)
}

// takeAnswer is the page's forms.
func (s *server) takeAnswer(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeWithin)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.explain(w, notice{code: http.StatusBadRequest, Title: "This form cannot be read", Text: "Open the link again."})
		return
	}
	q, stop := s.ask(ctx, r, who)
	if stop != nil {
		s.explain(w, *stop)
		return
	}
	if !nonceMatches(r) {
		s.explain(w, notice{code: http.StatusForbidden, Title: "This form is not ours", Text: "It was not made by the page you opened, or cookies are switched off. Open the link again and answer there."})
		return
	}
	if !who.signedIn() {
		who.Name, who.How = linkHolder, record.LinkOnly
	}
	s.conclude(ctx, w, r, q, who)
}

const maxForm = 16 << 10

func (s *server) conclude(ctx context.Context, w http.ResponseWriter, r *http.Request, q question, who visitor) {
	q.Nonce, q.Who = r.PostForm.Get("nonce"), who.Caller
	in := Decision{
		Decision: r.PostForm.Get("decision"),
		Service:  strings.TrimSpace(r.PostForm.Get("service")),
		Reason:   plain(r.PostForm.Get("reason")),
		Anyway:   r.PostForm.Get("anyway") == "yes",
	}
	if q.Confirm = in.Decision == "confirm"; q.Confirm {
		in.Decision = "approve"
	}
	if m := s.judge(q, in); m != nil {
		s.again(w, q, in, *m)
		return
	}
	if q.Confirm { // an approval takes a click of its own: Enter in a field got here
		s.form(w, http.StatusOK, q)
		return
	}
	a, err := s.Engine.Answer(ctx, q.Approval.ID, who.Caller, in.reply())
	s.refused(r, who, err)
	if err != nil {
		p := s.problemOf(err)
		if p.kind == "later" && in.Reason != "" {
			s.again(w, q, in, mistake{p.code, "", titleOf(p) + ": " + p.text})
			return
		}
		s.explain(w, notice{code: p.code, Title: titleOf(p), Text: p.text})
		return
	}
	s.Log.Info("approval answered", zap.String("approval", a.ID), zap.String("service", a.Service),
		zap.String("status", string(a.Status)), zap.String("by", who.Name), zap.String("how", who.How))
	s.answered(w, a)
}

// ask looks up what a link is about. Links that are not ours and questions that do
// not exist look the same.
func (s *server) ask(ctx context.Context, r *http.Request, who visitor) (question, *notice) {
	claims, err := s.Tokens.Verify(r.PathValue("token"), time.Now())
	switch {
	case errors.Is(err, report.ErrExpired):
		return question{}, s.tooLate(ctx, claims)
	case err != nil:
		return question{}, noQuestion()
	}
	a, err := s.Engine.Approval(ctx, claims.Approval)
	if errors.Is(err, runbook.ErrNotFound) {
		return question{}, noQuestion()
	}
	if err != nil {
		p := s.problemOf(err)
		return question{}, &notice{code: p.code, Title: titleOf(p), Text: p.text}
	}
	if errors.Is(claims.Match(a), report.ErrToken) {
		return question{}, noQuestion()
	}
	var q question
	over := open(a, claims)
	if over == nil {
		q, over = s.look(ctx, who, a)
	}
	if over != nil {
		over = s.about(ctx, *over, claims)
	}
	return q, over
}

// look asks everything again, now.
func (s *server) look(ctx context.Context, who visitor, a record.Approval) (question, *notice) {
	q := question{Approval: a, Runbook: s.runbook(a.Service), Who: who.person(), MaySign: who.modes.Any(), At: time.Now()}
	if q.Runbook != nil {
		q.Approvers = q.Runbook.Policy.Approvers
	}
	var err error
	if !q.Promotion() { // a step has no incident
		q.Incident, err = s.Engine.Incident(ctx, a.Incident)
	}
	if err == nil && s.Live != nil {
		q.Live, err = s.Live(ctx, a)
	}
	if err != nil {
		p := s.problemOf(err)
		return q, &notice{code: p.code, Title: "The plan cannot be shown now", Text: p.text + ". Reload this page."}
	}
	if s.Live == nil {
		q.Live.Breach = q.Incident.Breach
	} else if (q.Rollback() || q.Promotion()) && q.Live.Plan.Digest != a.Change {
		return q, stale()
	}
	return q, nil
}

// runbook is the one of a service that is in force; nil: none is.
func (s *server) runbook(service string) *runbook.Runbook {
	for _, rb := range s.Runbooks() {
		if rb.Service == service {
			return rb
		}
	}
	return nil
}

func titleOf(p problem) string {
	switch p.kind {
	case "unauthorized":
		return "Not signed in"
	case "not_found":
		return "There is no such thing"
	case "conflict":
		return "The plan has changed"
	case "forbidden":
		return "You may not do this"
	case "second_person":
		return "It waits for a second person"
	case "refused":
		return "This was refused"
	case "later":
		return "Not now"
	}
	return "This did not work"
}
