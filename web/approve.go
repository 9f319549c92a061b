package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web/question"
)

// A stage is how far somebody has come on the page of a question.
type stage string

const (
	asking    stage = ""     // the question, with its two buttons
	naming    stage = "name" // a yes of who only holds the link: the service's name is typed
	rejecting stage = "no"   // a no: its reason is typed
	sure      stage = "sure" // the last button of a yes
)

// An approvalPage is the page of a question that waits.
type approvalPage struct {
	question.Question
	Stage   stage
	Nonce   string
	Typed   api.Decision // the last answer, if it was not taken
	Mistake mistake      // why it was not
}

// Chosen is the stage after one of the two buttons. Where nobody can sign in, a yes needs the
// service's name first.
func (p approvalPage) chosen(answer string) stage {
	switch {
	case p.Barred() != "":
		return asking
	case answer == "yes" && p.LinkOnly():
		return naming
	case answer == "yes":
		return sure
	case answer == "no":
		return rejecting
	}
	return asking
}

// showApproval is the page behind a link. It changes nothing, however often and by
// whomever it is opened.
func (s *server) showApproval(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	q, stop := s.ask(ctx, r, who)
	if stop != nil {
		s.stopped(w, *stop)
		return
	}
	p := approvalPage{Question: q, Nonce: setNonce(w, r, "/approve/")}
	p.Stage = p.chosen(r.URL.Query().Get("answer"))
	s.render(w, http.StatusOK, "approve.html", p)
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
		s.stopped(w, *stop)
		return
	}
	if !nonceMatches(r) {
		s.explain(w, notice{code: http.StatusForbidden, Title: "This form is not ours",
			Text: "It was not made by the page you opened, or cookies are switched off. Open the link again and answer there."})
		return
	}
	if !who.signedIn() {
		who.Name, who.How = linkHolder, record.LinkOnly
	}
	s.conclude(ctx, w, r, approvalPage{Question: q, Nonce: r.PostForm.Get("nonce")}, who)
}

const maxForm = 16 << 10

func (s *server) conclude(ctx context.Context, w http.ResponseWriter, r *http.Request, p approvalPage, who visitor) {
	in := api.Decision{
		Decision: r.PostForm.Get("decision"),
		Service:  strings.TrimSpace(r.PostForm.Get("service")),
		Reason:   plain(r.PostForm.Get("reason")),
		Anyway:   r.PostForm.Get("anyway") == "yes",
	}
	confirm := in.Decision == "confirm"
	if confirm {
		in.Decision, in.Anyway = "approve", true // the page that follows says so, and asks
	}
	if m := s.judge(p.Question, in, who.Caller, confirm); m != nil {
		s.again(w, p, in, *m)
		return
	}
	if confirm { // an approval takes a click of its own: Enter in a field got here
		p.Stage = sure
		s.render(w, http.StatusOK, "approve.html", p)
		return
	}
	a, err := s.Engine.Answer(ctx, p.Approval.ID, who.Caller, replyOf(in))
	s.refused(r, who, err)
	if err != nil {
		s.notTaken(w, p, in, s.problemOf(err))
		return
	}
	s.Log.Info("approval answered", zap.String("approval", a.ID), zap.String("service", a.Service),
		zap.String("status", string(a.Status)), zap.String("by", who.Name), zap.String("how", who.How))
	s.answered(ctx, w, who, a)
}

// notTaken says why the engine did not take an answer. One that may be taken later keeps its form.
func (s *server) notTaken(w http.ResponseWriter, p approvalPage, in api.Decision, why problem) {
	if why.kind == api.Later {
		s.again(w, p, in, mistake{why.code, "", titleOf(why) + ": " + why.text})
		return
	}
	n := saying(why)
	if p.Approval.Incident != "" {
		n.Subject, n.Incident = p.Subject(), p.Approval.Incident
	}
	s.explain(w, n)
}

// look asks everything again, now.
func (s *server) look(ctx context.Context, who visitor, a record.Approval) (question.Question, *problem) {
	q := question.Question{Approval: a, Runbook: s.runbook(a.Service), Who: who.person(), MaySign: who.modes.Any()}
	if who.file.roles.Have(q.Who.Name, policy.Approve) {
		q.Who.Role = string(policy.Approve)
	}
	var err error
	if !q.Promotion() { // a step has no incident
		q.Incident, err = s.Engine.Incident(ctx, a.Incident)
	}
	if err == nil {
		q.Live, err = s.Live(ctx, a)
	}
	q.At = time.Now()
	if err != nil {
		p := s.problemOf(err)
		return q, &p
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
	case api.Unauthorized:
		return "Not signed in"
	case api.NotFound:
		return "There is no such thing"
	case api.Conflict:
		return "The plan has changed"
	case api.Forbidden:
		return "You may not do this"
	case api.SecondPerson:
		return "It waits for a second person"
	case api.Refused:
		return "This was refused"
	case api.Later:
		return "Not now"
	}
	return "This did not work"
}
