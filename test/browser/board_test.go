package browser

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web"
)

// Board has a card of each state, of services with and without a runbook, and everything that may stand above.
func (w *world) Board(context.Context) (view.Board, error) {
	st := w.status
	b := view.Board{At: time.Now(), Control: st.Control, Waiting: st.Waiting, Anchors: st.Anchors, Behind: st.Behind, Lost: st.Lost, Progress: st.Progress}
	for n, rel := range st.Releases {
		one := view.Standing{Service: rel.Service, Region: rel.Region, Release: &st.Releases[n], Control: st.Control,
			Refused: map[record.OrderAction]string{record.OrderResume: "the ramp is not stopped", record.OrderPromote: "the step's least time is over in 2 m 10 s"}}
		if inc, ok := w.incidents[rel.Incident]; ok {
			inc = inc.Brief()
			one.Incident = &inc
		}
		for _, rb := range w.runbooks {
			if rb.Service == rel.Service {
				ramped := *rb
				ramped.Rollout = fixture.Ramp("auto")
				one.Runbook = &ramped
			}
		}
		if rel.Service == "ranker" {
			a := w.question("ap-rollback")
			one.Question, one.Rules = &a, st.Rules[0]
		}
		b.Standings = append(b.Standings, one)
	}
	verified, idle := st.Releases[5], *w.runbooks[1]
	inc := w.incidents["inc-verifying"].Brief()
	verified.Service, verified.Incident, idle.Service = "summaries", inc.ID, "translations"
	b.Standings = append(b.Standings, view.Standing{Service: verified.Service, Region: "eu-central-1", Release: &verified, Incident: &inc, Control: st.Control},
		view.Standing{Service: idle.Service, Region: runbook.DefaultRegion, Runbook: &idle, Control: st.Control})
	for _, behind := range st.Behind {
		b.Standings = append(b.Standings, view.Standing{Service: behind.Service, Region: behind.Region, Behind: &behind, Control: st.Control})
	}
	for _, lost := range st.Lost {
		b.Standings = append(b.Standings, view.Standing{Service: "search", Region: lost.Region, Lost: lost.Problem, Control: st.Control})
	}
	return b, nil
}

// calm takes away what stands above the cards. It is called before anybody looks.
func (w *world) calm() {
	w.status.Waiting, w.status.Behind, w.status.Lost, w.status.Progress = nil, nil, nil, nil
}

func (w *world) Incidents(_ context.Context, q view.IncidentQuery) (view.IncidentPage, error) {
	return q.Page(w.status.Incidents), nil
}

// Preview is what an order would do: a rollback moves all, a promotion takes a step, and a resumption is refused.
func (w *world) Preview(_ context.Context, service, region string, in record.Intent, _ record.Caller) (view.Preview, error) {
	rel, err := w.Release(context.Background(), service, region)
	p := view.Preview{Intent: in, Service: service, Region: region, Release: rel, Plan: digestUp}
	switch in.Action {
	case record.OrderRollback:
		p.Change = change()
	case record.OrderPromote:
		p.Change = change()
		p.Change.To = record.Split{"ranker-v1": 75, "ranker-v2": 25}
	case record.OrderResume:
		p.Refused = "the ramp is not stopped"
	case record.OrderFlip:
		p.Second = "two people give a service all traffic at once"
	}
	return p, err
}

// Act takes an order for what was shown.
func (w *world) Act(ctx context.Context, service, region string, in record.Intent, _ record.Caller) (record.Release, error) {
	if in.Plan != digestUp {
		return record.Release{}, fmt.Errorf("%s: %w", in.Action, runbook.ErrConflict)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acted = append(w.acted, in)
	return w.release(), nil
}

// SetControl takes the switch.
func (w *world) SetControl(_ context.Context, c record.Control, _ string, _ record.Caller) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.switched = append(w.switched, c)
	return nil
}

// given are the orders so far.
func (w *world) given() ([]record.Intent, []record.Control) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acted, w.switched
}

var _ web.Engine = (*world)(nil)
