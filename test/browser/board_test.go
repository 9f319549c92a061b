package browser

import (
	"context"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Board is the status as cards.
func (w *world) Board(context.Context) (record.Board, error) {
	st := w.status
	b := record.Board{At: w.now, Control: st.Control, Waiting: st.Waiting, Anchors: st.Anchors, Behind: st.Behind, Lost: st.Lost, Progress: st.Progress}
	for n := range st.Releases {
		rel := &st.Releases[n]
		one := record.Standing{Service: rel.Service, Region: rel.Region, Runbook: w.runbook(rel.Service), Release: rel, Control: st.Control, Rules: w.rules(rel.Service),
			Refused: map[record.OrderAction]string{record.OrderResume: "the ramp of " + rel.Service + " in " + rel.Region + " is not stopped"}}
		if inc, ok := w.incidents[rel.Incident]; ok {
			brief := inc.Brief()
			one.Incident = &brief
		}
		if rel.Incident == "inc-awaiting" {
			a := w.approvals["ap-rollback"]
			one.Question = &a
		}
		b.Standings = append(b.Standings, one)
	}
	return b, nil
}

// runbook is the page's, whose ramp has three steps.
func (w *world) runbook(service string) *runbook.Runbook {
	rb := *w.runbooks[0]
	rb.Service, rb.Owner.Team, rb.Policy.Mode = service, "ranking", runbook.Active
	minutes := func(n time.Duration) runbook.Duration { return runbook.Duration(n * time.Minute) }
	rb.Rollout = &runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteAsk, Bake: minutes(60),
		Steps: []runbook.RampStep{{Weight: 5, For: minutes(10)}, {Weight: 25, For: minutes(30)}, {Weight: 100}}}
	return &rb
}

func (w *world) rules(service string) record.RulesCheck {
	for _, c := range w.status.Rules {
		if c.Service == service {
			return c
		}
	}
	return record.RulesCheck{State: record.RulesOneToOne}
}

func (w *world) Incidents(_ context.Context, q record.IncidentQuery) (record.IncidentPage, error) {
	return q.Page(append([]record.Incident(nil), w.status.Incidents...)), nil
}

// Preview moves traffic for a rollback and a promotion; a resume is refused.
func (w *world) Preview(_ context.Context, service, region string, in record.Intent, _ record.Caller) (record.Preview, error) {
	p := record.Preview{Intent: in, Service: service, Region: region, Release: w.status.Releases[0], Plan: digestUp}
	switch in.Action {
	case record.OrderRollback, record.OrderPromote:
		p.Change = change()
	case record.OrderResume:
		p.Refused = "the ramp of " + service + " in " + region + " is not stopped"
	}
	return p, nil
}

func (w *world) Act(context.Context, string, string, record.Intent, record.Caller) (record.Release, error) {
	return w.status.Releases[0], nil
}

func (w *world) SetControl(context.Context, record.Control, record.Caller) error { return nil }

// order gives a reason, and presses the button.
func order(tab *Tab) int64 {
	tab.Reach("#reason")
	tab.Press(strings.Split("it is a drill", "")...)
	tab.Reach("main form button")
	return tab.Follow(EnterKey)
}
