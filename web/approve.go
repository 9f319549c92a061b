package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
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
	Approvers []string
	Who       record.Caller // without a name: nobody has signed in
	MaySign   bool          // there is a way to sign in
	Nonce     string
	Problem   string // why the last answer was not taken
	Confirm   bool   // the service was named: only the button is left
}

// Rollback reports whether yes means moving traffic.
func (q question) Rollback() bool { return q.Approval.Kind == "rollback" }

// Promotion reports whether yes means the next step of the ramp.
func (q question) Promotion() bool { return q.Approval.Kind == "promote" }

// Breaching reports whether the trigger is still true.
func (q question) Breaching() bool { return q.Live.Breach.State == record.Breaching }

// Quiet reports whether a rollback needs to be wanted anyway.
func (q question) Quiet() bool { return policy.NeedsAnyway(q.Approval.Kind, q.Live.Breach) }

// Title asks the question.
func (q question) Title() string {
	if q.Rollback() {
		return "Roll back " + q.Approval.Service + "?"
	}
	if q.Promotion() {
		return "Take the next step of " + q.Approval.Service + "?"
	}
	return "Let " + q.Approval.Service + " go on?"
}

// A share is one backend's part of the traffic before and after.
type share struct {
	Backend  string
	From, To runbook.Weight
}

// Split lists the plan's shares by backend.
func (q question) Split() []share {
	backends := map[string]bool{}
	for b := range q.Live.Plan.From {
		backends[b] = true
	}
	for b := range q.Live.Plan.To {
		backends[b] = true
	}
	var all []share
	for _, b := range slices.Sorted(maps.Keys(backends)) {
		all = append(all, share{b, q.Live.Plan.From[b], q.Live.Plan.To[b]})
	}
	return all
}

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
	q.Nonce = setNonce(w, r)
	s.form(w, http.StatusOK, q)
}

// takeAnswer is the page's forms.
func (s *server) takeAnswer(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeWithin)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.explain(w, notice{http.StatusBadRequest, "This form cannot be read", "Open the link again."})
		return
	}
	q, stop := s.ask(ctx, r, who)
	if stop != nil {
		s.explain(w, *stop)
		return
	}
	if !nonceMatches(r) {
		s.explain(w, notice{http.StatusForbidden, "This form is not ours", "It was not made by the page you opened, or cookies are switched off. Open the link again and answer there."})
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
	if problem := s.judge(q, in); problem != nil {
		q.Problem, q.Confirm = problem.text, false
		s.form(w, problem.code, q)
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
		s.explain(w, notice{p.code, titleOf(p), p.text})
		return
	}
	s.Log.Info("approval answered", zap.String("approval", a.ID), zap.String("service", a.Service),
		zap.String("status", string(a.Status)), zap.String("by", who.Name), zap.String("how", who.How))
	s.answered(w, a)
}

// judge says why an answer is not good enough, before anything is asked of the engine. Who
// may answer decides the engine; here it only decides whether the last button is shown.
func (s *server) judge(q question, in Decision) *problem {
	if p := understood(q.Approval, in); p != nil {
		return p
	}
	if err := policy.MayAnswer(q.Approval.Service, q.Approvers, q.Who); q.Confirm && err != nil {
		p := s.problemOf(err)
		return &p
	}
	if in.Decision == "approve" && q.Quiet() && !in.Anyway {
		return &problem{code: http.StatusConflict, kind: "cleared", text: fmt.Sprintf("The trigger is not breaching any more (%s). To roll back anyway, tick the box.", stateWord(q.Live.Breach))}
	}
	return nil
}

// understood says what is missing in an answer, of the page and of the API alike.
func understood(a record.Approval, in Decision) *problem {
	switch {
	case in.Decision != "approve" && in.Decision != "reject":
		return &problem{code: http.StatusBadRequest, kind: "bad_data", text: "The decision must be approve or reject."}
	case in.Service != a.Service:
		return &problem{code: http.StatusBadRequest, kind: "bad_data", text: "Type the service's name exactly as it is written here: " + a.Service}
	}
	return nil
}

// ask looks up what a link is about. Links that are not ours and questions that do
// not exist look the same.
func (s *server) ask(ctx context.Context, r *http.Request, who visitor) (question, *notice) {
	claims, err := s.Tokens.Verify(r.PathValue("token"), time.Now())
	switch {
	case errors.Is(err, report.ErrExpired):
		return question{}, &notice{http.StatusGone, "This link has expired", "Nobody answered in time. What happened then is in the incident. A rollback by hand is always possible: autorollback release rollback SERVICE --reason WHY."}
	case err != nil:
		return question{}, noQuestion()
	}
	a, err := s.Engine.Approval(ctx, claims.Approval)
	if errors.Is(err, runbook.ErrNotFound) {
		return question{}, noQuestion()
	}
	if err != nil {
		p := s.problemOf(err)
		return question{}, &notice{p.code, titleOf(p), p.text}
	}
	if p := open(a, claims); p != nil {
		return question{}, p
	}
	return s.look(ctx, who, a)
}

func noQuestion() *notice {
	return &notice{http.StatusNotFound, "There is no such question", "The link is incomplete or was changed on its way, or it belongs to another installation."}
}

// open says why a question cannot be answered by this link any more.
func open(a record.Approval, claims report.Claims) *notice {
	if err := claims.Match(a); errors.Is(err, report.ErrToken) {
		return noQuestion()
	} else if err != nil {
		return stale()
	}
	switch a.Status {
	case record.Pending:
		return nil
	case record.Expired:
		return &notice{http.StatusGone, "This question has expired", "Nobody answered in time. What happened then is in the incident."}
	case record.Superseded:
		return &notice{http.StatusGone, "This question was overtaken", "The plan moved on, or a severe breach was faster. If there is a newer question, it has a link of its own."}
	}
	return &notice{http.StatusConflict, "This was answered already", fmt.Sprintf("%s by %s (%s) at %s. The first answer stands.", a.Status, a.By, howWord(a.How), clock(a.DecidedAt))}
}

func stale() *notice {
	return &notice{http.StatusConflict, "The plan has changed", "Somebody wrote the router's keys, or the release moved on, since this question was asked. Nothing was done. A new question comes with a new link if one is still needed."}
}

// look asks everything again, now.
func (s *server) look(ctx context.Context, who visitor, a record.Approval) (question, *notice) {
	q := question{Approval: a, Approvers: s.approvers(a.Service), Who: who.person(), MaySign: who.modes.Any()}
	var err error
	if !q.Promotion() { // a step has no incident
		q.Incident, err = s.Engine.Incident(ctx, a.Incident)
	}
	if err == nil && s.Live != nil {
		q.Live, err = s.Live(ctx, a)
	}
	if err != nil {
		p := s.problemOf(err)
		return q, &notice{p.code, "The plan cannot be shown now", p.text + ". Reload this page."}
	}
	if s.Live == nil {
		q.Live.Breach = q.Incident.Breach
	} else if (q.Rollback() || q.Promotion()) && q.Live.Plan.Digest != a.Change {
		return q, stale()
	}
	return q, nil
}

// approvers are the people whom the service's runbook names.
func (s *server) approvers(service string) []string {
	for _, rb := range s.Runbooks() {
		if rb.Service == service {
			return rb.Policy.Approvers
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
