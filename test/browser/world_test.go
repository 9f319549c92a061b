package browser

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web"
)

// A world is an engine made of records: what it is asked of is there, and answers are taken as the policy takes
// them. Anything else that a page asks ends the request, and the test.
type world struct {
	web.Engine
	now       time.Time
	runbooks  []*runbook.Runbook
	status    view.Status
	incidents map[string]record.Incident

	mu        sync.Mutex
	approvals map[string]record.Approval
	acted     []record.Intent
	switched  []record.Control
}

func newWorld(tb testing.TB, now time.Time) *world {
	tb.Helper()
	w := &world{now: now, incidents: map[string]record.Incident{}, approvals: map[string]record.Approval{}}
	for _, service := range []string{"ranker", "search", "fraud-detection-for-card-payments"} {
		rb := fixture.Runbook(tb, "page")
		rb.Service = service
		w.runbooks = append(w.runbooks, rb)
	}
	w.status = status(now)
	for _, inc := range w.status.Incidents {
		w.incidents[inc.ID] = inc
	}
	for _, a := range questions(now) {
		w.approvals[a.ID] = a
		if a.Status == record.Pending && a.ExpiresAt.After(now) {
			w.status.Approvals = append(w.status.Approvals, a)
		}
	}
	return w
}

// questions are one of each kind, and one of each end.
func questions(now time.Time) []record.Approval {
	ask := func(id, kind string, status record.ApprovalStatus) record.Approval {
		a := record.Approval{Schema: 1, ID: id, Kind: kind, Service: "ranker", Region: "default", Incident: "inc-awaiting", Release: "rel-42", Epoch: 3,
			Change: digestUp, Indexes: map[string]uint64{longKey: 17}, Status: status, CreatedAt: now.Add(-2 * time.Minute), ExpiresAt: now.Add(13 * time.Minute)}
		if kind == record.Promotion {
			a.Incident = ""
		}
		if status == record.Approved || status == record.Rejected {
			a.By, a.How, a.Reason, a.DecidedAt = "ann", record.BasicAuth, "the new encoder is slow", now.Add(-time.Minute)
		}
		return a
	}
	late := ask("ap-expired", record.RollbackApproval, record.Expired)
	late.ExpiresAt = now.Add(-time.Minute)
	held := ask("ap-held", record.AcceptSplit, record.Pending)
	held.Incident = "inc-held"
	return []record.Approval{ask("ap-rollback", record.RollbackApproval, record.Pending), ask("ap-quiet", record.RollbackApproval, record.Pending),
		ask("ap-no", record.RollbackApproval, record.Pending), ask("ap-yes", record.RollbackApproval, record.Pending), ask("ap-promote", record.Promotion, record.Pending),
		held, late, ask("ap-answered", record.RollbackApproval, record.Approved), ask("ap-superseded", record.RollbackApproval, record.Superseded)}
}

func (w *world) Status(context.Context) (view.Status, error) { return w.status, nil }

func (w *world) Incident(_ context.Context, id string) (record.Incident, error) {
	inc, ok := w.incidents[id]
	if !ok {
		return inc, fmt.Errorf("incident %s: %w", id, runbook.ErrNotFound)
	}
	return inc, nil
}

func (w *world) Approval(_ context.Context, id string) (record.Approval, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, ok := w.approvals[id]
	if !ok {
		return a, fmt.Errorf("approval %s: %w", id, runbook.ErrNotFound)
	}
	return a, nil
}

// question is how a question stands.
func (w *world) question(id string) record.Approval {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.approvals[id]
}

// Answer takes what the policy takes.
func (w *world) Answer(_ context.Context, id string, by record.Caller, in record.Reply) (record.Approval, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.approvals[id]
	reply := policy.Reply{Runbook: w.runbooks[0], Approval: a, Release: record.Release{Phase: record.Open, Epoch: a.Epoch}, Plan: a.Change, Now: w.breach(a), By: by, Reply: in}
	if err := policy.Answer(reply, time.Now()); err != nil {
		return a, err
	}
	a.Status, a.By, a.How, a.Reason, a.DecidedAt = record.Approved, by.Name, by.How, in.Reason, time.Now()
	if !in.Yes {
		a.Status = record.Rejected
	}
	w.approvals[id] = a
	return a, nil
}

func (w *world) Refused(record.Caller, string, string) {}

// breach is what Prometheus says of a question's trigger now.
func (w *world) breach(a record.Approval) record.Breach {
	b := w.incidents["inc-awaiting"].Breach
	b.AskedAt = time.Now().Add(-4 * time.Second)
	if a.ID == "ap-quiet" {
		b.State = record.NotBreaching
	}
	return b
}

// live is how things stand for a question.
func (w *world) live(_ context.Context, a record.Approval) (view.Live, error) {
	l := view.Live{Breach: w.breach(a), Plan: change(), Release: w.release(), Curves: []record.Curve{latencies(w.now)}}
	switch {
	case a.Kind == record.Promotion:
		l.Plan.From, l.Plan.To = record.Split{"ranker-v1": 95, "ranker-v2": 5}, record.Split{"ranker-v1": 75, "ranker-v2": 25}
		l.Triggers = []view.TriggerNow{{Trigger: "errors", State: record.NotBreaching, Effect: "error rate 0.1 points above stable", Limit: "0.5 points"},
			{Trigger: "slow", State: record.NotBreaching, Effect: "P95 latency 2 % above stable", Limit: "30 %"}}
	case a.Kind == record.AcceptSplit:
		l.Release.Held = &record.HumanHold{Since: w.now.Add(-3 * time.Minute), Want: change().From, Found: record.Split{"ranker-v1": 80, "ranker-v2": 20}}
	case a.ID == "ap-quiet":
		l.Release.Standby = &record.Standby{State: record.Cold, Since: w.now.Add(-time.Hour), Why: "1 of 3 pods is ready"}
	default:
		l.Impact = &record.Impact{Ongoing: true, Losses: []record.Loss{{Kind: record.Failures, All: 4700, Excess: 400, Low: 320, High: 480, Rate: 7.5}}}
	}
	return l, nil
}

// latencies are those of twenty minutes, of which the candidate's rise after ten.
func latencies(now time.Time) record.Curve {
	c := record.Curve{Kind: record.OfTrigger, Name: "slowish", Drawn: "P95 latency, over 5m", Unit: "s", Every: runbook.Duration(15 * time.Second), Limit: "30 %"}
	for n := range 80 {
		s := record.Unsampled(now.Add(time.Duration(n-80) * c.Every.Std()))
		stable := 0.05 + 0.002*float64(n%7)/7
		s.Stable, s.Limit, s.Candidate, s.Significance = record.NumberOf(stable), record.NumberOf(1.3*stable), record.NumberOf(stable*(1.02+0.56*min(1, max(0, float64(n-40)/10)))), record.NumberOf(float64(n)/60)
		c.Samples = append(c.Samples, s)
	}
	return c
}

// release is the one that the questions are about.
func (w *world) release() record.Release {
	return record.Release{ID: "rel-42", Service: "ranker", Region: "default", Phase: record.Open, Epoch: 3, Weight: 5, WeightChangedAt: w.now.Add(-42 * time.Minute),
		Stable: stable, Candidate: candidate}
}

func (w *world) Release(context.Context, string, string) (record.Release, error) {
	return w.release(), nil
}

func (w *world) Why(_ context.Context, name, trigger string) (view.Why, error) {
	why := view.Why{Service: "ranker", Trigger: trigger, At: w.now, Replica: "autorollback-0", Since: w.now.Add(-time.Hour), Mode: runbook.Active, Control: w.status.Control,
		Releases: w.status.Releases[:1], Alerts: w.status.Alerts, Incidents: w.status.Incidents, Rules: w.status.Rules[0], Triggers: []view.TriggerNow{
			{Trigger: "errors", Region: "default", Arms: record.Armed, State: record.Breaching, Effect: "8.4 %", Limit: "5 %", Compares: true, Significance: record.Significance{At: w.now, Value: 1.3}},
			{Trigger: "slow", Region: "default", Arms: record.Off, Unarmed: w.status.Rules[0].Drift[0], Limit: "100 % more", Compares: true, Problem: "no series"}}}
	if inc, ok := w.incidents[name]; ok {
		why.Incident, why.Rechecks = &inc, []view.Recheck{{What: "decision", Known: true, Text: "the decision comes out differently now"},
			{What: "significance", Known: true, Agrees: true, Text: "the significance comes out the same: 1.3"}}
	} else if name != "ranker" {
		return why, fmt.Errorf("service or incident %s: %w", name, runbook.ErrNotFound)
	}
	return why, nil
}
