package lifecycle

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

var everyTwo = []runbook.TwoPeople{runbook.RejectTwice, runbook.PromoteAfterFreeze, runbook.AcceptSplit, runbook.LiftQuarantine}

// guardedOrders are the orders of a release that may take two people, each with how it comes to it.
var guardedOrders = map[string]struct {
	what   runbook.TwoPeople
	before func(p *play)
	order  func(p *play, by record.Caller) Event
	done   func(s State) bool
}{
	"a second no": {runbook.RejectTwice, func(p *play) {
		p.launch()
		p.breach("slowish")
		p.must(p.answer(false, "ann"))
		p.after(policy.Quiet + time.Minute)
		b := fixture.Breach("errors", record.Breaching)
		b.CandidatePods = 1 // which asks
		p.must(p.asked(b))
	}, func(p *play, by record.Caller) Event {
		ev := p.answer(false, "")
		ev.By = by
		return ev
	}, func(s State) bool { return s.Approval.Status == record.Rejected }},
	"a frozen ramp": {runbook.PromoteAfterFreeze, func(p *play) { p.launch(); p.breach("slo") },
		func(_ *play, by record.Caller) Event { return Resumed{By: by, Reason: "the dependency is back"} },
		func(s State) bool { return s.Incident.Phase == record.Done }},
	"somebody else's split": {runbook.AcceptSplit, foreign,
		func(_ *play, by record.Caller) Event { return SplitAccepted{by, "I want it"} },
		func(s State) bool { return s.Release.Held == nil }},
	"somebody else's split, by the link": {runbook.AcceptSplit, foreign, func(p *play, by record.Caller) Event {
		ev := p.answer(true, "")
		ev.By = by
		return ev
	}, func(s State) bool { return s.Release.Held == nil }},
}

func guardedPlay(t *testing.T, name string, two ...runbook.TwoPeople) *play {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.s.Runbook.Policy.TwoPeople = two
	p.s.Runbook.Policy.ApprovalTTL = runbook.Duration(2 * time.Hour)
	guardedOrders[name].before(p)
	return p
}

func TestTwoPeople(t *testing.T) {
	ann, bob := fixture.By("ann"), fixture.By("bob")
	for name, g := range guardedOrders {
		t.Run(name, func(t *testing.T) {
			if p := guardedPlay(t, name); !g.done(p.must(g.order(p, ann))) {
				t.Fatal("one person is not enough where the runbook asks for one")
			}
			others := slices.DeleteFunc(slices.Clone(everyTwo), func(w runbook.TwoPeople) bool { return w == g.what })
			if p := guardedPlay(t, name, others...); !g.done(p.must(g.order(p, ann))) {
				t.Fatal("one person is not enough where the runbook asks two for other things")
			}
			p := guardedPlay(t, name, g.what)
			before := p.s
			s := p.must(g.order(p, ann))
			if !reflect.DeepEqual(s.Release, before.Release) || !reflect.DeepEqual(s.Incident, before.Incident) || !reflect.DeepEqual(s.Approval, before.Approval) {
				t.Fatalf("one person changed it: %+v", s.Release)
			}
			if w := s.Write.Waiting; w == nil || w.Caller != ann || s.Write.Order.Waits.IsZero() || s.Write.Shift || s.Write.Advance || s.Write.Adopt || !slices.Equal(kinds(s), []string{"second_person"}) {
				t.Fatalf("it writes %+v", s.Write)
			}
			for _, by := range []record.Caller{ann, {Name: "ANN", How: record.ClientCertificate}} {
				if _, err := p.step(g.order(p, by)); !errors.Is(err, runbook.ErrSecond) {
					t.Errorf("%s is a second person: %v", by.Name, err)
				}
			}
			for _, how := range []string{record.LinkOnly, record.Unauthenticated, record.BySignal, record.InStore, ""} {
				if _, err := p.step(g.order(p, record.Caller{Name: "bob", How: how})); !errors.Is(err, runbook.ErrRefused) {
					t.Errorf("bob (%s) is a second person: %v", how, err)
				}
			}
			late := *p
			late.after(policy.SecondWithin)
			if s := late.must(g.order(&late, bob)); g.done(s) || s.Write.Waiting == nil || s.Write.Waiting.Name != "bob" {
				t.Errorf("an hour later the first one still counts: %+v", s.Write)
			}
			s = p.must(g.order(p, bob))
			if o := s.Write.Order; !g.done(s) || o.First == nil || *o.First != ann || o.Caller != bob || s.Write.EndWaiting == "" {
				t.Errorf("the second person's order is %+v", o)
			}
			if !slices.ContainsFunc(s.Incident.Timeline, func(r record.Record) bool {
				return r.Kind == "second_person" && r.By == "bob" && strings.HasPrefix(r.Text, "ann (")
			}) {
				t.Errorf("timeline is %+v", s.Incident.Timeline)
			}
		})
	}
}

// What the first person saw is what the second confirms: once it stands otherwise, it is another order.
func TestSecondPersonOfAnotherSplit(t *testing.T) {
	p := guardedPlay(t, "somebody else's split", runbook.AcceptSplit)
	p.must(SplitAccepted{fixture.By("ann"), "30 is fine"})
	p.s.Split = record.Split{"ranker-v1": 5, "ranker-v2": 95}
	p.must(Tick{})
	s := p.must(SplitAccepted{fixture.By("bob"), "30 is fine"})
	if s.Release.Held == nil || s.Write.Waiting == nil {
		t.Errorf("bob confirmed a split that ann never saw: %+v", s.Release)
	}
}

// Rolling back takes one person, whatever the runbook asks for and however nobody knows them.
func TestRollingBackTakesOne(t *testing.T) {
	for _, how := range []string{record.BasicAuth, record.Unauthenticated} {
		p := guardedPlay(t, "a frozen ramp", everyTwo...)
		if s := p.must(Demanded{By: record.Caller{Name: "ann", How: how}, Reason: "users complain"}); s.Release.Phase != record.RolledBack {
			t.Errorf("%s: release is %s", how, s.Release.Phase)
		}
	}
	p := guardedPlay(t, "a second no", everyTwo...)
	if s := p.must(p.answer(true, "ann")); s.Release.Phase != record.RolledBack {
		t.Errorf("release is %s", s.Release.Phase)
	}
}
