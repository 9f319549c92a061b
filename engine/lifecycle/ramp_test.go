package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

const minute = time.Minute

// rampOf is a play whose runbook has a ramp. The release begins at 20 %.
func rampOf(tb testing.TB, promote string) *play {
	p := playOf(tb, "page")
	p.s.Runbook.Rollout = fixture.Ramp(promote)
	p.s.Watchdog = p.now
	return p
}

func flipOf(tb testing.TB) *play {
	p := playOf(tb, "page")
	p.s.Runbook.Rollout = &runbook.Rollout{Strategy: runbook.BlueGreen, Promote: runbook.PromoteAutomatic, Bake: fixture.Minutes(60), Holdback: 5}
	p.s.Watchdog = p.now
	l := fixture.Launch(tb)
	l.Weight = 0
	p.must(Launched{Launch: l, By: fixture.By("ann")})
	return p
}

// readyAs is an answer with which nothing objects.
func (p *play) readyAs(by string) Promoted {
	ev := Promoted{By: fixture.By(by), Ready: record.Readiness{AskedAt: p.now, StablePods: 3, CandidatePods: 3, CandidateRate: 20}}
	if p.s.Release != nil {
		ev.Release, ev.Epoch = p.s.Release.ID, p.s.Release.Epoch
	}
	return ev
}

// alive lets time pass and the watchdog be heard.
func (p *play) alive(d time.Duration) *play {
	p.after(d)
	p.s.Watchdog = p.now
	return p
}

func weight(t *testing.T, s State, want runbook.Weight) {
	t.Helper()
	if s.Release.Weight != want || s.Release.Phase == record.Open && !s.Split.Equal(s.Release.Want()) {
		t.Fatalf("weight is %v and the split %v, want %v: %s", s.Release.Weight, s.Split, want, s.Release.Waiting)
	}
}

func waiting(t *testing.T, s State, want string) {
	t.Helper()
	if !strings.Contains(s.Release.Waiting, want) {
		t.Fatalf("it says %q, want %q", s.Release.Waiting, want)
	}
}

func asks(s State, now time.Time) bool {
	for _, e := range Effects(s, now) {
		if e.Do == AskReady {
			return true
		}
	}
	return false
}

func TestARampGoesUpByItselfAndIsProved(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	s := p.alive(9 * minute).must(Tick{})
	waiting(t, s, "at 20 % until 2030-05-06 09:10:00 UTC: the runbook keeps this step for 10m")
	if asks(s, p.now) {
		t.Fatal("Prometheus is asked before the step's time is over")
	}
	s = p.alive(minute).must(Tick{})
	if !asks(s, p.now) {
		t.Fatalf("Prometheus is not asked: %s", s.Release.Waiting)
	}
	epoch := s.Release.Epoch
	s = p.must(p.readyAs(""))
	weight(t, s, 50)
	if s.Release.Epoch != epoch+1 || !s.Write.Advance || fmt.Sprint(kinds(s)) != "[promoted]" {
		t.Fatalf("epoch %d after %d, advance %v, told %v", s.Release.Epoch, epoch, s.Write.Advance, kinds(s))
	}
	weight(t, p.must(Tick{}), 50)
	p.alive(10 * minute)
	s = p.must(p.readyAs(""))
	weight(t, s, 100)
	p.checkedAs(record.Good, 3)
	s = p.alive(19 * minute).must(p.readyAs(""))
	waiting(t, s, "it bakes for 20m")
	p.alive(minute)
	s = p.must(p.readyAs(""))
	if s.Release.Phase != record.Closed || s.Write.Advance || s.Release.Good.Version != "v2" || s.Release.GoodBefore.Version != "v1" || fmt.Sprint(kinds(s)) != "[proved]" {
		t.Fatalf("not proved: %+v, told %v", s.Release, kinds(s))
	}
	quietStep(t, p.after(time.Hour).must(Tick{}))
	_, err := p.step(Launched{Launch: fixture.Launch(t), By: fixture.By("ann")})
	fixture.Refused(t, err, runbook.ErrRefused) // the router has all of v2, and v1 is not stable any more
	l := fixture.Launch(t)
	l.Stable, l.Candidate = l.Candidate, l.Stable
	rebuilt := l
	rebuilt.Stable.Bundle.Model.Registry.Version = "99" // v2's name and backend, and another model
	_, err = p.step(Launched{Launch: rebuilt, By: fixture.By("ann")})
	fixture.Refused(t, err, runbook.ErrRefused)
	if !strings.Contains(err.Error(), "the last known good of ranker in default is v2") || !strings.Contains(err.Error(), "--stable-not-proved") {
		t.Fatalf("says %v", err)
	}
	allowed := *p
	rebuilt.StableNotProved = "built again from the same commit"
	if s := allowed.must(Launched{Launch: rebuilt, By: fixture.By("ann")}); s.Release.NotProved == nil || s.Release.NotProved.By != "ann" || s.Release.NotProved.Reason != rebuilt.StableNotProved || s.Release.Good.Bundle == s.Release.Stable.Bundle {
		t.Fatalf("not recorded: %+v", s.Release)
	}
	l.StableNotProved = "nobody asked" // what is needed is recorded, and no more
	s = p.must(Launched{Launch: l, By: fixture.By("ann")})
	if s.Release.NotProved != nil || s.Release.Good.Version != "v2" || s.Release.Stable.Version != "v2" {
		t.Fatalf("the next release does not know the last known good: %+v", s.Release)
	}
}

func TestABreachAtAnyStepGoesBackInOneStep(t *testing.T) {
	for steps := range 3 {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			p := rampOf(t, runbook.PromoteAutomatic)
			p.launch()
			for range steps {
				p.alive(10 * minute)
				p.must(p.readyAs(""))
			}
			s := p.breach("errors")
			phase(t, s, record.Acted)
			weight(t, s, 0)
			if s.Incident.Change.To.String() != "ranker-v1 100, ranker-v2 0" {
				t.Fatalf("moved to %v", s.Incident.Change.To)
			}
		})
	}
}

func TestEachStepHasAnIncidentOfItsOwn(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	p.breach("slowish")
	first := p.s.Incident.ID
	p.must(p.answer(false, "ann"))
	p.alive(10 * minute)
	p.must(p.readyAs(""))
	weight(t, p.s, 50)
	s := p.breach("slowish")
	phase(t, s, record.Awaiting)
	if s.Incident.ID == first {
		t.Error("the no of the step before silences this one")
	}
}

func TestWhatKeepsTheNextStep(t *testing.T) {
	cases := []struct {
		name string
		make func(p *play, ready *record.Readiness)
		want string
	}{
		{"stable not warm", func(_ *play, r *record.Readiness) { r.StablePods = 1 }, "a rollback is impossible: v1 has 1 pod ready and needs 2"},
		{"few pods", func(_ *play, r *record.Readiness) { r.CandidatePods = 1 }, "v2 has 1 pod ready and needs 2"},
		{"stable sick", func(_ *play, r *record.Readiness) { r.StableUnhealthy = true }, "v1 breaks an absolute limit"},
		{"a pod with another encoder", func(_ *play, r *record.Readiness) {
			r.Answers = []record.Answer{{Question: "golden predictions v1", Aside: true, Health: record.Unknown}, {Question: "pairing v2", Health: record.Bad, Text: "1 of 3 pods of v2 serve another pair"}}
		}, "1 of 3 pods of v2 serve another pair"},
		{"rules drifted", func(_ *play, r *record.Readiness) { r.RulesDrift = "alert AutorollbackRankerErrors is missing" }, "not every trigger is armed: alert AutorollbackRankerErrors is missing"},
		{"breaching", func(_ *play, r *record.Readiness) { r.Breaching = []string{"slo"} }, "breaching now: slo"},
		{"not enough data", func(_ *play, r *record.Readiness) { r.Undecided = []string{"errors"} }, "not enough data to judge: errors"},
		{"triggers need longer", func(_ *play, r *record.Readiness) { r.Need = 20 * minute }, "the triggers that can decide at this traffic need 20m"},
		{"no requests", func(_ *play, r *record.Readiness) { r.CandidateRate = 0 }, "v2 gets no requests"},
		{"Prometheus down", func(_ *play, r *record.Readiness) { r.Problem = "connection refused" }, "connection refused"},
		{"old answer", func(p *play, r *record.Readiness) { r.AskedAt = p.now.Add(-minute) }, "out of date"},
		{"never asked", func(_ *play, r *record.Readiness) { *r = record.Readiness{} }, "out of date"},
		{"frozen", func(p *play, _ *record.Readiness) { p.breach("slo") }, "is frozen (trigger slo)"},
		{"held", func(p *play, _ *record.Readiness) { p.must(p.asked(fixture.Breach("errors", record.NoData))) }, "is held (trigger errors)"},
		{"unconfirmed", func(p *play, _ *record.Readiness) { p.must(p.asked(fixture.Breach("errors", record.Unreachable))) }, "is unconfirmed (trigger errors)"},
		{"asked to roll back", func(p *play, _ *record.Readiness) { p.breach("slowish") }, "is awaiting (trigger slowish)"},
		{"external change", func(p *play, _ *record.Readiness) { p.s.Split = record.Split{"ranker-v1": 1, "ranker-v2": 1} }, "somebody else changed the split"},
		{"stopped", func(p *play, _ *record.Readiness) { p.must(Stopped{By: fixture.By("ann"), Reason: "lunch"}) }, "ann stopped the ramp: lunch"},
		{"paused", func(p *play, _ *record.Readiness) { p.s.Control = record.Control{Mode: runbook.Paused, By: "ann"} }, "paused by ann"},
		{"pause over", func(p *play, _ *record.Readiness) {
			p.s.Control = record.Control{Mode: runbook.Paused, Until: p.now.Add(-minute)}
		}, "paused"},
		{"no mode", func(p *play, _ *record.Readiness) { p.s.Control.Mode = "pasued" }, "unknown control mode \"pasued\""},
		{"watchdog silent", func(p *play, _ *record.Readiness) { p.s.Watchdog = p.now.Add(-7 * minute) }, "no watchdog alert received by webhook since 2030-05-06 09:03:00 UTC"},
		{"watchdog never", func(p *play, _ *record.Readiness) { p.s.Watchdog = time.Time{} }, "no watchdog alert received by webhook yet"},
		{"out of hours", func(p *play, _ *record.Readiness) {
			p.s.Runbook.Rollout.Schedule = []runbook.Schedule{{Cron: "0 12 * * *", For: fixture.Minutes(60), Timezone: "UTC"}}
		}, "opens at 2030-05-06 12:00:00 UTC"},
		{"stable quarantined", func(p *play, _ *record.Readiness) {
			b := p.s.Release.Stable.Bundle
			p.s.Quarantined[b] = record.Quarantine{Bundle: b}
		}, "v1 is quarantined"},
		{"router would ignore it", func(p *play, _ *record.Readiness) { p.s.Hazards = []string{"two weights"} }, "two weights"},
		{"no plan", func(p *play, _ *record.Readiness) { p.s.NextProblem = "not JSON" }, "not JSON"},
	}
	for _, c := range cases {
		for _, by := range []string{"", "ann"} {
			t.Run(c.name+" "+by, func(t *testing.T) {
				p := rampOf(t, runbook.PromoteAutomatic)
				p.launch()
				p.alive(10 * minute)
				ev := p.readyAs(by)
				c.make(p, &ev.Ready)
				s, err := p.step(ev)
				if by != "" {
					fixture.Refused(t, err, runbook.ErrRefused)
					if !strings.Contains(err.Error(), c.want) {
						t.Fatalf("refused with %q, want %q", err, c.want)
					}
					return
				}
				if err != nil || s.Write.Advance || s.Release.Weight != 20 {
					t.Fatalf("promoted: %v %+v", err, s.Release)
				}
				waiting(t, s, c.want)
			})
		}
	}
}

// What is said while nothing changes must not be written anew at each look.
func TestWaitingDoesNotChangeByItself(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	p.alive(time.Second).must(Tick{})
	was := p.s.Release.Waiting
	for range 100 {
		if s := p.alive(5 * time.Second).must(Tick{}); s.Release.Waiting != was {
			t.Fatalf("%q became %q", was, s.Release.Waiting)
		}
	}
}

func TestObserveLeavesTheStepToHumans(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	p.alive(10 * minute)
	p.s.Runbook.Policy.Mode = runbook.Observe
	waiting(t, p.must(p.readyAs("")), "the runbook's mode is observe")
	weight(t, p.must(p.readyAs("ann")), 50)
}

func TestManualStepsAreTakenByHumansOnly(t *testing.T) {
	p := rampOf(t, runbook.PromoteManual)
	p.launch()
	p.alive(10 * minute)
	s := p.must(p.readyAs(""))
	weight(t, s, 20)
	waiting(t, s, "autorollback release promote ranker")
	weight(t, p.must(p.readyAs("ann")), 50)
	p.alive(10 * minute)
	weight(t, p.must(p.readyAs("ann")), 100)
	p.checkedAs(record.Good, 3)
	p.alive(60 * minute) // closing moves nothing, and is not left to anybody
	if s = p.must(p.readyAs("")); s.Release.Phase != record.Closed {
		t.Errorf("not proved: %s", s.Release.Waiting)
	}
}

func (p *play) answerStep(yes bool, by string) Answered {
	ev := Answered{Reply: record.Reply{Yes: yes, Reason: "because"}, Now: breaching, Approval: "none", By: fixture.By(by), Ready: p.readyAs(by).Ready}
	if p.s.Question != nil {
		ev.Approval = p.s.Question.ID
	}
	return ev
}

func TestAskedStep(t *testing.T) {
	ask := func(t *testing.T) *play {
		p := rampOf(t, runbook.PromoteAsk)
		p.launch()
		p.alive(10 * minute)
		s := p.must(p.readyAs(""))
		weight(t, s, 20)
		if s.Question == nil || s.Question.Kind != "promote" || s.Question.Change != s.Next.Digest || fmt.Sprint(kinds(s)) != "[promote]" {
			t.Fatalf("not asked: %+v", s.Question)
		}
		waiting(t, s, "waiting for approval from ann or bob until 2030-05-06T09:40:00Z")
		quietStep(t, p.alive(5*time.Second).must(p.readyAs("")))
		return p
	}
	t.Run("yes", func(t *testing.T) {
		p := ask(t)
		ev := p.answerStep(true, "bob")
		s := p.must(ev)
		weight(t, s, 50)
		_, err := p.step(ev)
		fixture.Refused(t, err, runbook.ErrNotFound) // used once
	})
	t.Run("no", func(t *testing.T) {
		p := ask(t)
		s := p.must(p.answerStep(false, "bob"))
		weight(t, s, 20)
		waiting(t, s, "bob stopped the ramp: because")
		quietStep(t, p.alive(5*time.Second).must(p.readyAs("")))
		p.must(Resumed{By: fixture.By("ann"), Reason: "looked"})
		if s = p.must(p.readyAs("")); s.Question == nil {
			t.Errorf("not asked again: %s", s.Release.Waiting)
		}
	})
	t.Run("silence is never a yes", func(t *testing.T) {
		p := ask(t)
		s := p.alive(31 * minute).must(Tick{})
		if s.Question.Status != record.Expired {
			t.Fatalf("the question is %s", s.Question.Status)
		}
		for range 50 {
			quietStep(t, p.alive(minute).must(p.readyAs("")))
		}
		weight(t, p.s, 20)
		waiting(t, p.s, "silence is never a yes")
		weight(t, p.must(p.readyAs("ann")), 50)
	})
	t.Run("a stranger", func(t *testing.T) {
		p := ask(t)
		_, err := p.step(p.answerStep(true, "eve"))
		fixture.Refused(t, err, runbook.ErrRefused)
	})
	t.Run("what objects, objects to a yes", func(t *testing.T) {
		p := ask(t)
		ev := p.answerStep(true, "ann")
		ev.Ready.StablePods = 0
		_, err := p.step(ev)
		fixture.Refused(t, err, runbook.ErrRefused)
		p.breach("slo")
		_, err = p.step(p.answerStep(true, "ann"))
		fixture.Refused(t, err, runbook.ErrRefused)
	})
	t.Run("another plan", func(t *testing.T) {
		p := ask(t)
		p.s.Next.Digest = "sha256:other"
		_, err := p.step(p.answerStep(true, "ann"))
		fixture.Refused(t, err, runbook.ErrConflict)
	})
	t.Run("the keys were written, the question is put again", func(t *testing.T) {
		p := ask(t)
		old := p.s.Question.ID
		p.alive(2 * minute)
		p.s.Next.Digest = "sha256:other"
		if s := p.must(Tick{}); s.Release.Asking != "" {
			t.Fatalf("the question stays: %+v", s.Question)
		}
		if s := p.must(p.readyAs("")); s.Question == nil || s.Question.ID == old {
			t.Errorf("not asked again: %s", s.Release.Waiting)
		}
	})
	t.Run("a breach is faster", func(t *testing.T) {
		p := ask(t)
		before := *p.s.Question
		op := p.s
		op.Op = "op-breach"
		s, err := Step(op, p.asked(fixture.Breach("errors", record.Breaching)), p.now)
		if err != nil || s.Question.ID != before.ID || s.Question.Status != record.Superseded || s.Release.Asking != "" {
			t.Errorf("%v, the question is %+v", err, s.Question)
		}
	})
}

func TestStopAndResume(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	_, err := p.step(Stopped{By: fixture.By("ann"), Reason: "lunch"})
	fixture.Refused(t, err, runbook.ErrRefused)
	p.launch()
	p.must(Stopped{By: fixture.By("ann"), Reason: "lunch"})
	_, err = p.step(Stopped{By: fixture.By("bob"), Reason: "lunch too"})
	fixture.Refused(t, err, runbook.ErrRefused)
	p.alive(10 * minute)
	weight(t, p.must(p.readyAs("")), 20)
	p.must(Resumed{By: fixture.By("bob"), Reason: "back"})
	_, err = p.step(Resumed{By: fixture.By("bob"), Reason: "back"})
	fixture.Refused(t, err, runbook.ErrRefused)
	weight(t, p.must(p.readyAs("")), 50)
}

func TestResumeEndsAFreezeThatIsOver(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	p.breach("slo")
	p.alive(10 * minute)
	s := p.must(Resumed{By: fixture.By("ann"), Reason: "the dependency is back"})
	phase(t, s, record.Done)
	weight(t, p.must(p.readyAs("")), 50)
	p.breach("slo")
	p.must(Resumed{By: fixture.By("ann"), Reason: "over"})
	s = p.breach("slo") // it is not over
	phase(t, s, record.Frozen)
	p.alive(10 * minute)
	weight(t, p.must(p.readyAs("")), 50)
}

func TestResumeIsNoWayAroundOthers(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	p.breach("slowish")
	_, err := p.step(Resumed{By: fixture.By("ann"), Reason: "go on"})
	fixture.Refused(t, err, runbook.ErrRefused)
	p = rampOf(t, runbook.PromoteAutomatic)
	foreign(p)
	_, err = p.step(Resumed{By: fixture.By("ann"), Reason: "go on"})
	fixture.Refused(t, err, runbook.ErrRefused)
}

func TestFlip(t *testing.T) {
	p := flipOf(t)
	s := p.alive(minute).must(Tick{})
	waiting(t, s, "autorollback release flip ranker")
	weight(t, p.must(p.readyAs("")), 0) // never by itself
	ev := p.readyAs("ann")
	ev.Flip, ev.Ready.CandidateRate = true, 0
	ev.Ready.CandidatePods = 1
	_, err := p.step(ev)
	fixture.Refused(t, err, runbook.ErrRefused)
	ev.Ready.CandidatePods = 2
	s = p.must(ev)
	weight(t, s, 95)
	if s.Release.TrafficAt != p.now || !s.Release.Began().Equal(p.now) {
		t.Errorf("warm-up counts from %v", s.Release.Began())
	}
	again := p.readyAs("ann")
	again.Flip = true
	_, err = p.step(again)
	fixture.Refused(t, err, runbook.ErrRefused)
	t.Run("flip back", func(t *testing.T) {
		s, err := Step(p.s, Demanded{By: fixture.By("ann"), Reason: "no"}, p.now)
		if err != nil || s.Release.Weight != 0 || s.Release.Phase != record.RolledBack {
			t.Errorf("%v %+v", err, s.Release)
		}
	})
	p.checkedAs(record.Good, 3)
	p.alive(60 * minute)
	s = p.must(p.readyAs(""))
	if s.Release.Phase != record.Closed || s.Release.Weight != 100 || !s.Write.Advance || s.Split.String() != "ranker-v1 0, ranker-v2 100" {
		t.Errorf("after the bake time: %+v, split %v", s.Release, s.Split)
	}
}

func TestFlipIsForBlueAndGreenOnly(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	ev := p.readyAs("ann")
	ev.Flip = true
	_, err := p.step(ev)
	fixture.Refused(t, err, runbook.ErrRefused)
	p = playOf(t, "page")
	p.launch()
	_, err = p.step(p.readyAs("ann"))
	fixture.Refused(t, err, runbook.ErrRefused) // no ramp at all
	if s := p.must(p.readyAs("")); s.Write.Advance || s.Release.Waiting != "" {
		t.Errorf("%+v", s.Release)
	}
}

func TestAnAnswerAboutOtherWeightsPromotesNothing(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	p.alive(10 * minute)
	old, mine := p.readyAs(""), p.readyAs("ann")
	p.must(p.readyAs(""))
	p.alive(10 * minute)
	weight(t, p.must(old), 50)
	_, err := p.step(mine)
	fixture.Refused(t, err, runbook.ErrConflict)
}
