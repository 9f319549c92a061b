package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// A play is one target on paper: what Step makes of one event after another, with a
// router that does what it is told.
type play struct {
	tb  testing.TB
	s   State
	now time.Time
	ops int
}

func playOf(tb testing.TB, onExpiry string) *play {
	p := &play{tb: tb, now: fixture.Morning}
	p.s = State{
		Runbook: fixture.Runbook(tb, onExpiry), Region: runbook.DefaultRegion, Control: record.Control{Mode: runbook.Active},
		Quarantined: map[string]record.Quarantine{}, Outbox: map[string]bool{}, Split: record.Split{"ranker-v1": 100},
	}
	return p
}

// plan is the change as the router's codec would plan it, its digest a mark.
func (p *play) plan(to record.Split, mark string) {
	p.s.Plan = record.Change{From: p.s.Split.Clone(), To: to, Digest: "sha256:" + mark,
		Keys: []record.KeyChange{{Key: "routes/ranker/weights", Index: 7, From: "{}", To: "{}"}}}
}

// step takes an event and, if it is not refused, makes its outcome the state.
func (p *play) step(ev Event) (State, error) {
	p.tb.Helper()
	p.ops++
	p.s.Op = fmt.Sprintf("op-%03d", p.ops)
	if l, ok := ev.(Launched); ok {
		p.plan(record.Split{"ranker-v1": l.Launch.Weight.Rest(), "ranker-v2": l.Launch.Weight}, "launch")
	}
	before := p.s
	next, err := Step(p.s, ev, p.now)
	if err != nil {
		return next, err
	}
	switch {
	case next.Write.Shift:
		next.Split = next.Plan.To.Clone()
	case next.Write.Advance:
		next.Split = next.Next.To.Clone()
	}
	if next.Release == nil || next.Release.Asking == "" {
		next.Question = nil
	}
	if next.Waiting = maps.Clone(next.Waiting); next.Waiting == nil {
		next.Waiting = map[string]*record.WaitingOrder{}
	}
	if w := next.Write.Waiting; w != nil {
		next.Waiting[next.Write.WaitingID] = w
	}
	delete(next.Waiting, next.Write.EndWaiting)
	next.Quarantined, next.Outbox = maps.Clone(next.Quarantined), maps.Clone(next.Outbox)
	for _, q := range next.Write.Quarantine {
		next.Quarantined[q.Bundle] = q
	}
	for _, m := range next.Write.Messages {
		next.Outbox[m.ID] = true
	}
	for _, id := range next.Write.Sent {
		delete(next.Outbox, id)
	}
	p.s = next
	p.plan(record.Split{"ranker-v1": 100, "ranker-v2": 0}, fmt.Sprintf("back from %v", p.s.Split))
	p.s.Next = record.Change{}
	if p.s.Ramping() {
		if next, more := p.s.Runbook.Rollout.Next(p.s.Release.Weight); more {
			p.s.Next = record.Change{From: p.s.Split.Clone(), To: record.Split{"ranker-v1": next.Weight.Rest(), "ranker-v2": next.Weight},
				Digest: fmt.Sprintf("sha256:on from %v", p.s.Split), Keys: []record.KeyChange{{Key: "routes/ranker/weights", Index: 7, From: "{}", To: "{}"}}}
		}
	}
	checkEdge(p.tb, before, next)
	checkAgain(p.tb, next)
	return next, nil
}

// checkAgain: what is stored of an incident is enough to make its decision again.
func checkAgain(tb testing.TB, s State) {
	tb.Helper()
	if s.Incident == nil || s.Incident.Decision.Guard == "" {
		return
	}
	text, err := json.Marshal(s.Incident)
	if err != nil {
		tb.Fatal(err)
	}
	var stored record.Incident
	if err := json.Unmarshal(text, &stored); err != nil {
		tb.Fatal(err)
	}
	if again := policy.Again(stored.Inputs, stored.Decision); !again.Known || !again.Agrees {
		tb.Errorf("%s: %+v, of %+v", stored.Decision.Guard, again, stored.Decision)
	}
}

// must is step for an event that may not be refused.
func (p *play) must(ev Event) State {
	p.tb.Helper()
	s, err := p.step(ev)
	if err != nil {
		p.tb.Fatalf("%T: %v", ev, err)
	}
	return s
}

func (p *play) after(d time.Duration) *play { p.now = p.now.Add(d); return p }

// breaching is what Prometheus says when a rollback is approved.
var breaching = record.Breach{State: record.Breaching}

func (p *play) launch() { p.must(Launched{Launch: fixture.Launch(p.tb), By: fixture.By("ann")}) }

func (p *play) asked(b record.Breach) AlertChecked {
	return AlertChecked{Alert: fixture.Alert(b.Trigger, record.Webhook), Breach: b, Release: p.s.Release.ID, Epoch: p.s.Release.Epoch}
}

func (p *play) breach(trigger string) State {
	p.tb.Helper()
	return p.must(p.asked(fixture.Breach(trigger, record.Breaching)))
}

func (p *play) answer(yes bool, by string) Answered {
	id := "none"
	if p.s.Approval != nil {
		id = p.s.Approval.ID
	}
	return Answered{Reply: record.Reply{Yes: yes, Reason: "because"}, Now: breaching, Approval: id, By: fixture.By(by)}
}

func drainedAs(h record.Health) Drained { return Drained{fixture.Drained(h)} }

func polledAs(h record.Health) RecoveryPolled { return RecoveryPolled{fixture.Recovery(h)} }

func kinds(s State) []string {
	var k []string
	for _, m := range s.Write.Messages {
		kind := m.Kind
		if m.Page {
			kind += "!"
		}
		k = append(k, kind)
	}
	return k
}
