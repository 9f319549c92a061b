package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web/cards"
	"github.com/autorollback/autorollback/web/question"
)

// An intention is an order that somebody is about to give, with what it would do now.
type intention struct {
	view.Preview
	Name    string
	Who     record.Caller
	Nonce   string
	Mistake mistake
}

// NeedsReason see [cards.NeedsReason].
func (i intention) NeedsReason() bool { return cards.NeedsReason(i.Action) }

// At is the spot beside a field.
func (i intention) At(field string) spot { return i.Mistake.at(field) }

// Title asks by the versions.
func (i intention) Title() string {
	stable, candidate := i.Release.Stable.Version, i.Release.Candidate.Version
	switch to, moves := i.Change.To[i.Release.Candidate.Backend]; i.Action {
	case record.OrderRollback:
		return fmt.Sprintf("Roll %s back to %s?", candidate, stable)
	case record.OrderHold:
		return fmt.Sprintf("Hold %s at %v %%?", candidate, i.Release.Weight)
	case record.OrderResume:
		return fmt.Sprintf("Continue the ramp of %s?", candidate)
	default:
		if moves {
			return fmt.Sprintf("%s %s to %v %%?", i.Name, candidate, to)
		}
		return fmt.Sprintf("%s %s?", i.Name, candidate)
	}
}

// Does says what a yes does.
func (i intention) Does() string {
	switch {
	case i.Action == record.OrderRollback:
		return "All traffic goes to " + i.Release.Stable.Version + " " + i.Change.How() + ", and " + i.Release.Candidate.Version + "'s bundle is quarantined."
	case i.Action == record.OrderHold:
		return "The ramp stops where it is until somebody resumes it. A breach still rolls back."
	case i.Action == record.OrderResume:
		return "The ramp continues from here. What it was stopped, frozen or held for is over; a breach that is still true comes back."
	case len(i.Change.Keys) > 0:
		return "The next step of the ramp is taken " + i.Change.How() + ". A breach still rolls back."
	}
	return "The release ends: " + i.Release.Candidate.Version + " is proved, and the last known good."
}

// Moves are the shares before and after, see [question.Moves].
func (i intention) Moves() string {
	return question.Moves(i.Change, i.Release.Stable, i.Release.Candidate)
}

// showOrder is the page on which an order of a release is confirmed. It changes nothing.
func (s *server) showOrder(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	i, stop := s.intention(ctx, r, who, record.Intent{})
	if stop != nil {
		s.explain(w, *stop)
		return
	}
	i.Nonce = setNonce(w, r, "/services/")
	s.render(w, http.StatusOK, "order.html", i)
}

// takeOrder is its form. What would be done now must be what was shown.
func (s *server) takeOrder(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeWithin)
	defer cancel()
	if stop := ours(w, r); stop != nil {
		s.explain(w, *stop)
		return
	}
	want := record.Intent{Reason: plain(r.PostForm.Get("reason")), Plan: r.PostForm.Get("plan")}
	i, stop := s.intention(ctx, r, who, want)
	if stop != nil {
		s.explain(w, *stop)
		return
	}
	i.Nonce = r.PostForm.Get("nonce")
	if want.Plan == "" || want.Plan != i.Plan {
		i.Mistake = mistake{http.StatusConflict, "", "The plan has changed since this page was shown, and nothing was done. Here is what would be done now."}
	} else if i.NeedsReason() && want.Reason == "" {
		i.Mistake = mistake{http.StatusBadRequest, "reason", "Give a reason: it is recorded with your name."}
	}
	if i.Mistake.code != 0 {
		s.render(w, i.Mistake.code, "order.html", i)
		return
	}
	i.Intent.Reason, i.Intent.Plan = want.Reason, want.Plan
	s.carryOut(ctx, w, r, i, who)
}

func (s *server) carryOut(ctx context.Context, w http.ResponseWriter, r *http.Request, i intention, who visitor) {
	rel, err := s.Engine.Act(ctx, i.Service, i.Region, i.Intent, who.Caller)
	s.refused(r, who, err)
	switch {
	case errors.Is(err, runbook.ErrConflict): // between the look and the order
		again, stop := s.intention(ctx, r, who, record.Intent{Reason: i.Intent.Reason})
		if stop != nil {
			s.explain(w, *stop)
			return
		}
		again.Nonce = i.Nonce
		again.Mistake = mistake{http.StatusConflict, "", "Nothing was done: " + err.Error() + ". Here is what would be done now."}
		s.render(w, again.Mistake.code, "order.html", again)
		return
	case err != nil:
		s.explain(w, saying(s.problemOf(err)))
		return
	}
	s.Log.Info("order given on the page", zap.String("order", string(i.Action)), zap.String("service", i.Service), zap.String("region", i.Region),
		zap.String("by", who.Name), zap.String("how", who.How))
	i.Release = rel
	s.render(w, http.StatusOK, "ordered.html", i)
}

// intention looks up what an order would do now.
func (s *server) intention(ctx context.Context, r *http.Request, who visitor, want record.Intent) (intention, *notice) {
	want.Action = record.OrderAction(r.PathValue("order"))
	if !wellNamed(r) || !cards.Known(want.Action) {
		return intention{}, noSuchPage()
	}
	look := want
	look.Plan = "" // what was shown is compared by who asks
	p, err := s.Engine.Preview(ctx, r.PathValue("service"), r.PathValue("region"), look, who.Caller)
	if err != nil {
		stop := saying(s.problemOf(err))
		return intention{}, &stop
	}
	return intention{Preview: p, Name: cards.Name(want.Action), Who: who.person()}, nil
}

// ours reads a form of ours; a notice says that it is none.
func ours(w http.ResponseWriter, r *http.Request) *notice {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return &notice{code: http.StatusBadRequest, Title: "This form cannot be read", Text: "Open the page again."}
	}
	if !nonceMatches(r) {
		return &notice{code: http.StatusForbidden, Title: "This form is not ours", Text: "It was not made by the page you opened, or cookies are switched off. Open the page again, and answer there."}
	}
	return nil
}

// pauses are how long automation may be paused on the page.
var pauses = []time.Duration{15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour}

// A switching is a change of the stop switch that somebody is about to order.
type switching struct {
	Control record.Control // as it is
	Plan    string
	Pauses  []time.Duration
	Reason  string
	Who     record.Caller
	Nonce   string
	Mistake mistake
}

// Paused reports whether automation does less than it may.
func (c switching) Paused() bool { return c.Control.Mode != runbook.Active }

// At is the spot beside a field.
func (c switching) At(field string) spot { return c.Mistake.at(field) }

func (s *server) switching(ctx context.Context, who visitor) (switching, error) {
	b, err := s.Engine.Board(ctx)
	return switching{Control: b.Control, Plan: b.Control.PlanDigest(), Pauses: pauses, Who: who.person()}, err
}

// showControl is the page on which automation is paused, or switched on again. It changes nothing.
func (s *server) showControl(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	c, err := s.switching(ctx, who)
	if err != nil {
		s.explain(w, saying(s.problemOf(err)))
		return
	}
	c.Nonce = setNonce(w, r, "/control")
	s.render(w, http.StatusOK, "control.html", c)
}

const switchChanged = "Somebody changed the stop switch since this page was shown, and nothing was done. This is how it stands now."

// takeControl is its form.
func (s *server) takeControl(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeWithin)
	defer cancel()
	if stop := ours(w, r); stop != nil {
		s.explain(w, *stop)
		return
	}
	c, err := s.switching(ctx, who)
	c.Nonce, c.Reason = r.PostForm.Get("nonce"), plain(r.PostForm.Get("reason"))
	want := record.Control{Mode: runbook.Mode(r.PostForm.Get("mode")), Reason: c.Reason}
	switch span, unread := time.ParseDuration(r.PostForm.Get("for")); {
	case err != nil:
	case r.PostForm.Get("plan") != c.Plan:
		c.Mistake = mistake{http.StatusConflict, "", switchChanged}
	case c.Reason == "":
		c.Mistake = mistake{http.StatusBadRequest, "reason", "Give a reason: it is recorded with your name."}
	case want.Mode == runbook.Paused && unread != nil:
		c.Mistake = mistake{http.StatusBadRequest, "", "Say for how long."}
	case want.Mode == runbook.Paused:
		want.Until = time.Now().Add(span).UTC()
	}
	if c.Mistake.code != 0 {
		s.render(w, c.Mistake.code, "control.html", c)
		return
	}
	if err == nil {
		_, err = s.control(ctx, want, c.Plan, who)
	}
	s.refused(r, who, err)
	if errors.Is(err, runbook.ErrConflict) { // between the look and the order
		if again, unread := s.switching(ctx, who); unread == nil {
			again.Nonce, again.Reason = c.Nonce, c.Reason
			again.Mistake = mistake{http.StatusConflict, "", switchChanged}
			s.render(w, again.Mistake.code, "control.html", again)
			return
		}
	}
	if bad, is := badOrder(err); is {
		s.explain(w, notice{code: bad.code, Title: "This did not work", Text: bad.text})
		return
	}
	if err != nil {
		s.explain(w, saying(s.problemOf(err)))
		return
	}
	c.Control = want
	s.render(w, http.StatusOK, "controlled.html", c)
}
