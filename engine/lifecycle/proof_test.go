package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// checkedAs lets so many polls after the last step come, each of that health.
func (p *play) checkedAs(h record.Health, times int) (s State) {
	p.tb.Helper()
	for range times {
		p.after(p.s.Runbook.Verification.Every.Std())
		s = p.must(Checked{Release: p.s.Release.ID, Epoch: p.s.Release.Epoch, Answers: []record.Answer{
			{Question: "error rate", Health: record.Good, Text: "error rate: good"}, {Question: "pairing v2", Health: h, Text: "pairing: " + string(h)}}})
	}
	return s
}

// flipped is blue and green just after its flip, with the watchdog heard.
func flipped(t *testing.T) *play {
	t.Helper()
	p := flipOf(t)
	ev := p.alive(minute).readyAs("ann")
	ev.Flip, ev.Ready.CandidateRate = true, 0
	weight(t, p.must(ev), 95)
	if !p.s.Release.Proving() {
		t.Fatal("the flip is not to be proved")
	}
	return p
}

// follow says which effects of a kind a state asks for.
func follow(s State, do EffectKind, now time.Time) (n int) {
	for _, e := range Effects(s, now) {
		if e.Do == do {
			n++
		}
	}
	return n
}

func TestAFlipIsProved(t *testing.T) {
	p := flipped(t)
	if n := follow(p.s, AskChecks, p.now); n != 1 {
		t.Fatalf("the checks are asked %d times", n)
	}
	p.checkedAs(record.Good, 2)
	p.checkedAs(record.Unknown, 1)
	s := p.checkedAs(record.Good, 2)
	if !s.Release.Proving() {
		t.Fatal("two good polls after a gap are enough")
	}
	again := s.Release.Proof.PolledAt
	s = p.must(Checked{Release: s.Release.ID, Epoch: s.Release.Epoch})
	if s.Release.Proof.PolledAt != again {
		t.Error("another replica's poll of the same moment counts")
	}
	s = p.checkedAs(record.Good, 1)
	r := s.Release
	if r.Proving() || r.Proof.Health != record.Good || r.Frozen != "" || r.Moves[len(r.Moves)-1].Checked != "good" || fmt.Sprint(kinds(s)) != "[checked]" || s.Incident != nil {
		t.Errorf("proof %+v, frozen %q, moves %+v, told %v", r.Proof, r.Frozen, r.Moves, kinds(s))
	}
	if n := follow(s, AskChecks, p.now); n != 0 {
		t.Error("it is asked on")
	}
	quietStep(t, p.must(Tick{}))
}

func TestNothingIsClosedBeforeTheFlipIsProved(t *testing.T) {
	p := flipped(t)
	p.s.Runbook.Verification.Within = runbook.Duration(2 * time.Hour)
	p.s.Release.Proof.Deadline = p.now.Add(2 * time.Hour)
	s := p.alive(61 * minute).must(p.readyAs(""))
	weight(t, s, 95)
	waiting(t, s, "verifying the step to 95 %")
	p.checkedAs(record.Good, 3)
	p.alive(0)
	if s = p.must(p.readyAs("")); s.Release.Phase != record.Closed {
		t.Errorf("not closed: %s", s.Release.Waiting)
	}
}

// Bad checks freeze the promotion and ask; a yes rolls back in one transaction.
func TestBadChecksAfterAFlipAsk(t *testing.T) {
	p := flipped(t)
	p.checkedAs(record.Bad, 2)
	s := p.checkedAs(record.Bad, 1)
	phase(t, s, record.Awaiting)
	if s.Incident.Decision.Guard != policy.GuardChecks || !strings.Contains(s.Release.Frozen, "pairing: bad") || len(s.Incident.Answers) != 2 || fmt.Sprint(kinds(s)) != "[approval!]" {
		t.Fatalf("decided %+v, frozen %q, told %v", s.Incident.Decision, s.Release.Frozen, kinds(s))
	}
	weight(t, s, 95)
	t.Run("no", func(t *testing.T) {
		s, err := Step(p.s, p.answer(false, "ann"), p.now)
		if err != nil || s.Incident.Phase != record.Done || s.Release.Frozen == "" || s.Release.Weight != 95 {
			t.Errorf("%v, %+v", err, s.Release)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		p.s.Runbook.Policy.OnExpiry = "rollback"
		s, err := Step(p.s, Tick{}, p.now.Add(time.Hour))
		if err != nil || s.Incident.Phase != record.HeldPhase || s.Release.Weight != 95 || follow(s, AskAgain, p.now) != 0 {
			t.Errorf("%v, %s, %v %%", err, s.Incident.Phase, s.Release.Weight)
		}
	})
	t.Run("a severe breach is stronger", func(t *testing.T) {
		s, err := Step(p.s, p.asked(fixture.Breach("errors", record.Breaching)), p.now)
		if err != nil || s.Incident.Phase != record.Acted {
			t.Errorf("%v, %s", err, s.Incident.Phase)
		}
	})
	s = p.must(p.answer(true, "ann"))
	phase(t, s, record.Acted)
	weight(t, s, 0)
}

// No data is neither good nor bad: it freezes and pages, and nobody is asked.
func TestChecksWithoutAnAnswerFreeze(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(p *play)
	}{
		{"unknown", func(p *play) { p.checkedAs(record.Unknown, 1) }},
		{"never asked", func(*play) {}},
		{"good too late", func(p *play) { p.checkedAs(record.Good, 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := flipped(t)
			c.make(p)
			p.now = p.s.Release.Proof.Deadline
			s := p.must(Tick{})
			if s.Release.Proving() || s.Release.Proof.Health != record.Unknown || s.Release.Frozen == "" || fmt.Sprint(kinds(s)) != "[checked!]" || s.Incident != nil {
				t.Errorf("proof %+v, frozen %q, told %v", s.Release.Proof, s.Release.Frozen, kinds(s))
			}
			s = p.must(Resumed{By: fixture.By("ann"), Reason: "looked"})
			if s.Release.Frozen != "" || s.Release.Proving() {
				t.Errorf("after resume: %+v", s.Release)
			}
		})
	}
}

// Levels alone are bad: that is the triggers' business, until the deadline.
func TestBadLevelsAfterAFlipWaitForTheDeadline(t *testing.T) {
	p := flipped(t)
	poll := func() State {
		p.after(p.s.Runbook.Verification.Every.Std())
		return p.must(Checked{Release: p.s.Release.ID, Epoch: p.s.Release.Epoch, Answers: []record.Answer{{Question: "error rate", Health: record.Bad, Text: "error rate 3 %"}}})
	}
	for range 10 {
		if s := poll(); !s.Release.Proving() || s.Incident != nil {
			t.Fatalf("it is over: %+v", s.Release.Proof)
		}
	}
	p.now = p.s.Release.Proof.Deadline
	s := poll()
	phase(t, s, record.Awaiting)
	if !strings.Contains(s.Release.Frozen, "error rate 3 %") {
		t.Errorf("frozen: %s", s.Release.Frozen)
	}
}

// In observe mode bad checks are told, and nobody is asked for a rollback.
func TestBadChecksWhileObserving(t *testing.T) {
	p := flipped(t)
	p.s.Runbook.Policy.Mode = runbook.Observe
	s := p.checkedAs(record.Bad, 3)
	if s.Incident != nil || s.Release.Frozen == "" || fmt.Sprint(kinds(s)) != "[checked!]" {
		t.Errorf("incident %+v, frozen %q, told %v", s.Incident, s.Release.Frozen, kinds(s))
	}
}

// A rollback ends the proof.
func TestARollbackEndsTheProof(t *testing.T) {
	p := flipped(t)
	s := p.breach("errors")
	if s.Release.Proving() || follow(s, AskChecks, p.now) != 0 {
		t.Error("it is proved on")
	}
	p.after(time.Minute)
	epoch := s.Release.Epoch
	if s = p.must(Checked{Release: s.Release.ID, Epoch: epoch}); len(s.Write.Messages) != 0 || s.Release.Frozen != "" {
		t.Errorf("told %v", kinds(s))
	}
}
