package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
)

// A reader counts what is read of a store.
type reader struct {
	store.Store
	mu      sync.Mutex
	asked   []string
	entries int
}

func (r *reader) Read(ctx context.Context, prefixes ...string) (store.Snapshot, error) {
	snap, err := r.Store.Read(ctx, prefixes...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.entries = append(r.asked, prefixes...), r.entries+len(snap.Entries)
	return snap, err
}

// many is an engine with so many services, each with a release that is over and an incident of it.
func many(t *testing.T, n int) (*Engine, *reader) {
	t.Helper()
	st := &reader{Store: newMemory()}
	p := partsOf(st, factsOf(t, fixture.Runbook(t, "page")))
	var all []*runbook.Runbook
	for i := range n {
		rb := *fixture.Runbook(t, "page")
		rb.Service = fmt.Sprintf("service-%03d", i)
		all = append(all, &rb)
	}
	e, err := New(p, all, Options{Replica: "replica"})
	must(t, err)
	for _, rb := range all {
		rel := record.Release{Schema: 1, ID: "rel-" + rb.Service, Service: rb.Service, Region: "default", Phase: record.RolledBack, Incident: "inc-" + rb.Service, Epoch: 2,
			Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
		inc := record.Incident{Schema: 1, ID: rel.Incident, Service: rb.Service, Region: "default", Release: rel.ID, Phase: record.Done, OpenedAt: time.Now().UTC(),
			Verdict: &record.Verdict{Outcome: record.Recovered}, Timeline: []record.Record{{Text: strings.Repeat("x", 5_000)}}}
		must(t, put(st, store.ReleaseKey(rb.Service, "default"), encoded(t, rel)))
		must(t, put(st, store.IncidentKey(inc.ID), encoded(t, inc)))
		_, err := e.step(t.Context(), Target{rb.Service, "default"}, lifecycle.Tick{})
		must(t, err)
	}
	return e, st
}

// What the board costs the store does not grow with services and incidents, and it has all of them.
func TestTheBoardReadsNoTarget(t *testing.T) {
	cost := func(n int) int {
		e, st := many(t, n)
		st.asked, st.entries = nil, 0
		b, err := e.Board(t.Context())
		must(t, err)
		if len(b.Standings) != n {
			t.Errorf("%d services stand on the board of %d", len(b.Standings), n)
		}
		for _, s := range b.Standings {
			if s.Release == nil || s.Incident == nil || s.Incident.Verdict == nil || len(s.Incident.Timeline) > 0 || s.Refused[record.OrderRollback] == "" {
				t.Fatalf("%s stands as %+v", s.Service, s)
			}
		}
		for _, prefix := range st.asked {
			for _, much := range []string{releases, store.IncidentKey(""), store.ApprovalKey(""), store.OrderKey("")} {
				if strings.HasPrefix(much, prefix) || strings.HasPrefix(prefix, much) {
					t.Errorf("it reads %s", prefix)
				}
			}
		}
		return st.entries
	}
	if few, more := cost(2), cost(60); few != more {
		t.Errorf("it reads %d records of 2 services, and %d of 60", few, more)
	}
}

// A store that does not answer says nothing of the stop switch, and the board does not make it up.
func TestTheBoardWithoutAStore(t *testing.T) {
	e, _ := many(t, 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	b, err := e.Board(gone)
	if err == nil || b.Control.Mode != "" || len(b.Standings) != 1 || b.Standings[0].Lost == "" {
		t.Errorf("the board is %+v, %v", b, err)
	}
}

// The board is as the last step left it, without another read of the target.
func TestTheBoardFollowsTheSteps(t *testing.T) {
	e, st, f := solo(t, nil)
	now := func() view.Standing {
		b, err := e.Board(t.Context())
		must(t, err)
		return b.Standings[0]
	}
	if s := now(); !s.Open() || s.Refused[record.OrderHold] != "" || !strings.Contains(s.Refused[record.OrderResume], "is not stopped") {
		t.Errorf("after the start: %+v", s)
	}
	_, err := e.Stop(t.Context(), "ranker", "", fixture.By("ann"), "lunch")
	must(t, err)
	if s := now(); s.Release.Stopped == nil || s.Refused[record.OrderResume] != "" || !strings.Contains(s.Refused[record.OrderHold], "ann stopped it already") {
		t.Errorf("after the stop: %+v", s.Refused)
	}
	f.breaking["slowish"] = true
	must(t, hears(t, e, fixture.Alert("slowish", record.Webhook)))
	if s := now(); s.Question == nil || s.Question.ID != incidentOf(t, st).Approval || s.Incident.Phase != record.Awaiting {
		t.Errorf("after the breach: %+v", s)
	}
	must(t, e.SetControl(t.Context(), record.Control{Mode: runbook.Paused, Reason: "drill", Until: time.Now().Add(time.Hour)}, "", fixture.By("ann")))
	if s := now(); s.Control.Mode != runbook.Paused {
		t.Errorf("after the pause: %+v", s.Control)
	}
}

// A list of incidents is all that the store has, as briefs, once the hourly look has been; and the newest at once.
func TestIncidentsAreListedFromMemory(t *testing.T) {
	e, st := many(t, 3)
	old := record.Incident{Schema: 1, ID: "inc-old", Service: "service-001", Region: "default", Phase: record.Done, OpenedAt: time.Now().Add(-50 * time.Hour).UTC(), ClosedAt: time.Now()}
	must(t, put(st, store.IncidentKey("inc-old"), encoded(t, old)))
	list := func(text string) (ids []string) {
		p, err := e.Incidents(t.Context(), view.IncidentQuery{Text: text, Limit: 10})
		must(t, err)
		for _, i := range p.Incidents {
			ids = append(ids, i.ID)
		}
		return ids
	}
	if got := list(""); len(got) != 3 {
		t.Errorf("listed are %v", got)
	}
	e.gcRecords(t.Context())
	if got := list("service-001"); fmt.Sprint(got) != "[inc-service-001 inc-old]" {
		t.Errorf("listed are %v", got)
	}
	if got := list("recovered service-002"); fmt.Sprint(got) != "[inc-service-002]" {
		t.Errorf("listed are %v", got)
	}
}
