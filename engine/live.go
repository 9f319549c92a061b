package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// lookWithin bounds one look at how things stand for a question.
const lookWithin = 5 * time.Second

// A lived is such a look, or why there is none.
type lived struct {
	view.Live
	err error
}

// Live says how things stand for an approval, and changes nothing. Who ask within a second share one
// look, so that a storm of requests for a page asks the store and Prometheus about once a second.
func (e *Engine) Live(ctx context.Context, a record.Approval) (view.Live, error) {
	ctx = context.WithoutCancel(ctx)
	got := e.lives.get(a.ID, func(lived) bool { return true }, func() lived {
		within, cancel := context.WithTimeout(ctx, lookWithin)
		defer cancel()
		l, err := e.live(within, a)
		return lived{l, later(err)}
	})
	return got.Live, got.err
}

// live reads the target and plans as a yes would, and asks Prometheus about what the question is
// about: the incident's trigger, or every trigger before the next step.
func (e *Engine) live(ctx context.Context, a record.Approval) (view.Live, error) {
	v, err := e.readTree(ctx, Target{a.Service, a.Region}, lifecycle.Answered{Approval: a.ID}, false)
	if err == nil {
		err = e.plan(ctx, &v, lifecycle.Tick{})
	}
	if err != nil || v.Release == nil {
		return view.Live{}, err
	}
	l := view.Live{Release: *v.Release, Plan: v.Plan, Waiting: answers(v.Waiting, v.Release.ID, time.Now())}
	l.Curves, _ = e.Curves(ctx, a.Service, a.Region) // what is missing is not drawn
	switch {
	case a.Kind == record.Promotion:
		l.Plan, l.Triggers = v.Next, e.triggersNow(ctx, v.service, []record.Release{*v.Release}, "")
	case v.Incident == nil:
	case v.Incident.Breach.Trigger == "":
		l.Breach.State = record.NoTrigger
	default:
		l.Breach, l.Impact = e.breachNow(ctx, v), e.ImpactOf(*v.Incident)
	}
	return l, nil
}

// breachNow asks the incident's trigger again.
func (e *Engine) breachNow(ctx context.Context, v snapshot) (b record.Breach) {
	if t, ok := v.Runbook.Trigger(v.Incident.Breach.Trigger); ok {
		b = e.prom.Confirm(ctx, v.service.ask, t, *v.Release, e.significance(*v.Release, t.Name))
	}
	return b
}

// answers are those to questions about a release that wait for a second person, in a fixed order.
func answers(all map[string]*record.WaitingOrder, release string, now time.Time) (out []record.WaitingOrder) {
	for _, w := range all {
		if w.Subject == release && w.In(now) && (w.Action == record.OrderAcceptSplit || w.Action == record.OrderReject) {
			out = append(out, *w)
		}
	}
	slices.SortFunc(out, func(a, b record.WaitingOrder) int { return strings.Compare(a.ID, b.ID) })
	return out
}
