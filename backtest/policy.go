package backtest

import (
	"context"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// An officer decides about each alert as the daemon would have, with the policy of an
// armed runbook, and remembers what it did. What history did next is what really
// happened: after a rollback that was only decided here, the candidate goes on.
type officer struct {
	w         *world
	runbook   *runbook.Runbook // armed
	questions rules.Questions
	rollbacks []time.Time
	acted     map[string]record.Incident // by release
}

func newOfficer(w *world, rb *runbook.Runbook) (*officer, error) {
	armed := *rb
	armed.Policy.Mode = runbook.Active
	q, err := rules.Ask(rb)
	return &officer{w: w, runbook: &armed, questions: q, acted: map[string]record.Incident{}}, err
}

// decide completes a firing that began now.
func (o *officer) decide(ctx context.Context, f *Firing, now time.Time) {
	t, ok := o.runbook.Trigger(f.Trigger)
	if !ok {
		return
	}
	rel := o.release(*f, now)
	b := o.w.confirm(ctx, o.questions, t, rel, now)
	in := policy.Input{Runbook: o.runbook, Breach: b, Release: rel, Budget: record.Budget{Recent: o.rollbacks}}
	if i, ok := o.acted[rel.ID]; ok {
		in.Incident = &i
	}
	d := policy.Decide(in, now.UTC())
	f.Breach, f.Decision = &b, &d
	if d.Action == record.RollBack {
		o.rollbacks = append(o.rollbacks, now)
		o.acted[rel.ID] = record.Incident{ID: record.IncidentID(rel.Service, rel.Region, rel.ID, rel.Epoch), ActedAt: now}
	}
}

// release is the one that the alert names, or the one in flight in its region.
func (o *officer) release(f Firing, now time.Time) record.Release {
	rel := record.Release{Service: o.runbook.Service, Region: f.Region}
	for _, r := range o.w.releases {
		if f.Release == r.ID || f.Release == "" && r.open(now) && (f.Region == "" || f.Region == r.Region) {
			rel = r.release(o.runbook.Service, now)
			break
		}
	}
	for _, at := range o.rollbacks {
		if now.Sub(at) < 24*time.Hour {
			rel.Rollbacks = append(rel.Rollbacks, at)
		}
	}
	return rel
}
