package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

func phase(t *testing.T, s State, want record.Phase) {
	t.Helper()
	if s.Incident == nil || s.Incident.Phase != want {
		t.Fatalf("phase is %s, want %s", place(s), want)
	}
}

func verdict(t *testing.T, s State, want record.Outcome) {
	t.Helper()
	if s.Incident != nil && s.Incident.Verdict != nil && s.Incident.Verdict.Outcome != want {
		t.Fatalf("verdict is %s, want %s", s.Incident.Verdict.Outcome, want)
	}
	if s.Incident == nil || s.Incident.Verdict == nil {
		t.Fatalf("%s: no verdict %s", place(s), want)
	}
}

func quietStep(t *testing.T, s State) {
	t.Helper()
	if k := kinds(s); len(k) > 0 || s.Write.Shift || len(s.Write.Approvals) > 0 {
		t.Fatalf("something was done: messages %v, shift %v, approvals %v", k, s.Write.Shift, s.Write.Approvals)
	}
}

func TestSecondAlertsJoinAndRepeatedOnesChangeNothing(t *testing.T) {
	p := playOf(t, "page")
	act(p)
	p.breach("slow")
	ev := p.asked(fixture.Breach("slow", record.Breaching))
	ev.Alert.Source = record.Watcher
	s := p.must(ev)
	if got := fmt.Sprint(s.Incident.Triggers, s.Incident.Sources); got != "[errors slow] [webhook watcher]" {
		t.Fatalf("triggers and sources are %s", got)
	}
	was, _ := json.Marshal(s)
	for range 100 {
		s = p.after(time.Second).must(ev)
		quietStep(t, s)
	}
	s.Op = p.s.Op
	now, _ := json.Marshal(s)
	if cut(string(was)) != cut(string(now)) {
		t.Errorf("repeated alerts changed the state:\n%s\n%s", was, now)
	}
}

// cut takes out what every step of a play changes.
func cut(s string) string {
	from := strings.Index(s, `"Op":"op-`)
	return s[:from] + s[from+14:]
}

func TestTriggersThatFireTogetherDoNotTakeTurns(t *testing.T) {
	for _, pair := range [][2]string{{"slowish", "slo"}, {"slo", "slowish"}} {
		t.Run(pair[0]+" first", func(t *testing.T) {
			p := playOf(t, "page")
			p.launch()
			told := 0
			for range 200 {
				p.after(5 * time.Second)
				told += len(kinds(p.breach(pair[0]))) + len(kinds(p.breach(pair[1])))
			}
			phase(t, p.s, record.Awaiting)
			if told > 2 {
				t.Errorf("%d messages", told)
			}
			if p.s.Release.Frozen == "" {
				t.Error("promotion is not frozen, though an absolute limit is broken")
			}
		})
	}
}

func TestOneTriggerAtItsLimitDoesNotPageAtEachLook(t *testing.T) {
	noData, sick := fixture.Breach("slowish", record.NoData), fixture.Breach("slowish", record.Breaching)
	sick.StableUnhealthy = true
	for name, other := range map[string]record.Breach{"no data": noData, "stable sick": sick} {
		t.Run(name, func(t *testing.T) {
			p := playOf(t, "page")
			p.launch()
			told := 0
			for range 300 {
				p.after(5 * time.Second)
				told += len(kinds(p.breach("slowish"))) + len(kinds(p.must(p.asked(other))))
			}
			if told > 3 {
				t.Errorf("%d messages in 25 minutes", told)
			}
		})
	}
}

func TestUnreadableRouterKeysPageOnce(t *testing.T) {
	p := playOf(t, "page")
	p.launch()
	told := 0
	for range 50 {
		p.s.Split, p.s.Plan, p.s.PlanProblem = nil, record.Change{}, "read routes/ranker/weights: not JSON"
		s := p.after(5 * time.Second).breach("errors")
		told += len(kinds(s))
	}
	phase(t, p.s, record.HeldPhase)
	if told != 1 {
		t.Errorf("%d messages", told)
	}
	p.s.PlanProblem, p.s.Split = "", p.s.Release.Want()
	phase(t, p.after(5*time.Second).breach("errors"), record.Acted)
}

// An alert that turned out not to be true must not silence the same trigger later.
func TestClearedIncidentActsOnItsOwnTriggerLater(t *testing.T) {
	p := playOf(t, "page")
	p.launch()
	s := p.must(p.asked(fixture.Breach("errors", record.Unreachable)))
	if fmt.Sprint(kinds(s)) != "[opened!]" {
		t.Fatalf("told %v", kinds(s))
	}
	s = p.after(time.Minute).must(p.asked(fixture.Breach("slow", record.NotBreaching)))
	phase(t, s, record.Unconfirmed) // that is another trigger's answer
	phase(t, p.must(p.asked(fixture.Breach("errors", record.NotBreaching))), record.Done)
	s = p.after(time.Hour).must(p.asked(fixture.Breach("errors", record.Unreachable)))
	phase(t, s, record.Unconfirmed)
	if fmt.Sprint(kinds(s)) != "[opened!]" {
		t.Fatalf("an hour later told %v", kinds(s))
	}
	p.must(p.asked(fixture.Breach("errors", record.NotBreaching)))
	phase(t, p.after(time.Hour).breach("errors"), record.Acted)
}

// Two alerts are acknowledged while Prometheus does not answer. Once it does, both are asked about,
// and the first that is not true does not end the other.
func TestEveryAlertThatWasNotConfirmedIsAskedAgain(t *testing.T) {
	p := playOf(t, "page")
	p.launch()
	p.must(p.asked(fixture.Breach("slow", record.Unreachable)))
	s := p.after(time.Second).must(p.asked(fixture.Breach("errors", record.Unreachable)))
	if got := fmt.Sprint(s.Incident.Triggers, s.Incident.Breach.Trigger); got != "[slow errors]slow" {
		t.Fatalf("triggers and the one to be asked about are %s", got)
	}
	s = p.after(time.Minute).must(p.asked(fixture.Breach("slow", record.NotBreaching)))
	phase(t, s, record.Unconfirmed)
	if s.Incident.Breach.Trigger != "errors" || !slices.ContainsFunc(Effects(s, p.now), func(e Effect) bool { return e.Do == AskAgain }) {
		t.Fatalf("%s is to be asked about, effects %v", s.Incident.Breach.Trigger, Effects(s, p.now))
	}
	phase(t, p.breach("errors"), record.Acted)
}

func TestSevereEscalatesAwaitingAndSupersedesItsApproval(t *testing.T) {
	p := playOf(t, "page")
	ask(p)
	id := p.s.Approval.ID
	s := p.after(time.Minute).breach("errors")
	phase(t, s, record.Acted)
	if s.Approval.Status != record.Superseded {
		t.Errorf("approval is %s", s.Approval.Status)
	}
	_, err := p.step(Answered{Reply: record.Reply{Yes: true}, Now: breaching, Approval: id, By: fixture.By("ann")})
	fixture.Refused(t, err, runbook.ErrRefused)
}

func TestRejectionSilencesItsTriggersAndNoOtherSevereOne(t *testing.T) {
	p := playOf(t, "page")
	ask(p)
	_, err := p.step(Answered{Now: breaching, Approval: p.s.Approval.ID, By: fixture.By("ann")})
	fixture.Refused(t, err, runbook.ErrRefused) // without a reason
	phase(t, p.must(p.answer(false, "ann")), record.Done)
	for range 20 {
		quietStep(t, p.after(time.Minute).breach("slowish"))
	}
	phase(t, p.s, record.Done)
	phase(t, p.breach("errors"), record.Acted)
	if p.s.Incident.ClosedAt != (time.Time{}) {
		t.Error("the incident is under way and has a closing time")
	}
}

func TestExpiry(t *testing.T) {
	const late = 31 * time.Minute
	t.Run("page", func(t *testing.T) {
		p := playOf(t, "page")
		ask(p)
		s := p.after(late).must(Tick{})
		phase(t, s, record.HeldPhase)
		if fmt.Sprint(kinds(s)) != "[held!]" || s.Approval.Status != record.Expired {
			t.Fatalf("told %v, approval %s", kinds(s), s.Approval.Status)
		}
		for range 10 {
			quietStep(t, p.after(5*time.Second).breach("slowish"))
		}
		phase(t, p.breach("errors"), record.Acted)
	})
	t.Run("an answer that comes late", func(t *testing.T) {
		p := playOf(t, "page")
		ask(p)
		_, err := p.after(late).step(p.answer(true, "ann"))
		fixture.Refused(t, err, runbook.ErrRefused)
	})
	world := []struct {
		name  string
		edit  func(*play)
		state record.State
		want  record.Phase
	}{
		{"still true", func(*play) {}, record.Breaching, record.Acted},
		{"not true any more", func(*play) {}, record.NotBreaching, record.HeldPhase},
		{"no data", func(*play) {}, record.NoData, record.HeldPhase},
		{"unreachable", func(*play) {}, record.Unreachable, record.HeldPhase},
		{"paused", func(p *play) { p.s.Control.Mode = runbook.Paused }, record.Breaching, record.HeldPhase},
		{"observed", func(p *play) { p.s.Control.Mode = runbook.Observe }, record.Breaching, record.HeldPhase},
		{"budget spent", func(p *play) { p.s.Budget.Recent = []time.Time{p.now, p.now, p.now} }, record.Breaching, record.HeldPhase},
		{"in the cool-down", func(p *play) { p.s.Release.Rollbacks = []time.Time{p.now.Add(-time.Minute)} }, record.Breaching, record.HeldPhase},
		{"stable quarantined", func(p *play) {
			d := p.s.Release.Stable.Bundle
			p.s.Quarantined[d] = record.Quarantine{Bundle: d}
		}, record.Breaching, record.HeldPhase},
		{"keys unreadable", func(p *play) { p.s.Split, p.s.PlanProblem = nil, "not JSON" }, record.Breaching, record.HeldPhase},
		{"external change", func(p *play) { p.s.Split = record.Split{"ranker-v1": 50, "ranker-v2": 50} }, record.Breaching, record.HeldPhase},
	}
	for _, w := range world {
		t.Run("rollback, "+w.name, func(t *testing.T) {
			p := playOf(t, "rollback")
			ask(p)
			s := p.after(late).must(Tick{})
			quietStep(t, s)
			if e := Effects(s, p.now); e[0].Do != AskAgain {
				t.Fatalf("effects are %v: the trigger is to be asked again", e)
			}
			w.edit(p)
			s = p.must(p.asked(fixture.Breach("slowish", w.state)))
			phase(t, s, w.want)
			if (w.want == record.Acted) != s.Write.Shift || len(kinds(s)) != 1 {
				t.Errorf("shift %v, told %v", s.Write.Shift, kinds(s))
			}
			if s.Write.Shift && len(s.Budget.Recent) != 1 {
				t.Errorf("budget is %v: nobody decided it but us", s.Budget)
			}
		})
	}
}

func TestApprove(t *testing.T) {
	p := playOf(t, "page")
	ask(p)
	for _, c := range []struct {
		name string
		ev   Answered
		want error
	}{
		{"a stranger", p.answer(true, "eve"), runbook.ErrRefused},
		{"nobody", p.answer(true, ""), runbook.ErrRefused},
		{"another approval", Answered{Reply: record.Reply{Yes: true}, Now: breaching, Approval: "other", By: fixture.By("ann")}, runbook.ErrNotFound},
	} {
		_, err := p.step(c.ev)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	p.s.Plan.Digest = "sha256:other"
	_, err := p.step(p.answer(true, "ann"))
	fixture.Refused(t, err, runbook.ErrConflict)
	p.plan(p.s.Plan.To, fmt.Sprintf("back from %v", p.s.Split))
	s := p.must(p.answer(true, "bob"))
	phase(t, s, record.Acted)
	if s.Approval.Status != record.Approved || s.Approval.By != "bob" || s.Incident.By != "bob" || len(s.Budget.Recent) != 0 {
		t.Errorf("approval %+v, incident by %q, budget %v", s.Approval, s.Incident.By, s.Budget)
	}
	_, err = p.step(p.answer(true, "ann"))
	fixture.Refused(t, err, runbook.ErrRefused)
}

// A tool that writes equal values is nobody, but the plan's indexes move with it: the
// question is put again, or no answer would ever be taken.
func TestTouchedKeysPutTheQuestionAgain(t *testing.T) {
	p := playOf(t, "page")
	ask(p)
	first := *p.s.Approval
	asked := 0
	for n := range 29 * 12 {
		p.s.Plan.Digest = fmt.Sprintf("sha256:touched-%d", n)
		s := p.after(5 * time.Second).must(Tick{})
		asked += len(kinds(s))
		phase(t, s, record.Awaiting)
	}
	if asked < 2 || asked > 20 {
		t.Errorf("asked %d times in half an hour", asked)
	}
	if !p.s.Approval.ExpiresAt.Equal(first.ExpiresAt) || p.s.Approval.ID == first.ID {
		t.Errorf("the newest question is %+v, the first was %+v", p.s.Approval, first)
	}
	p.s.Plan.Digest = p.s.Approval.Change
	phase(t, p.must(p.answer(true, "ann")), record.Acted)
}

// The model found this: a question about keys that nobody can read had no plan, the
// yes had none either, and the records said that traffic was moved.
func TestNoQuestionAndNoYesWithoutAPlan(t *testing.T) {
	unreadable := func(p *play) { p.s.Split, p.s.Plan, p.s.PlanProblem = nil, record.Change{}, "not JSON" }
	p := playOf(t, "page")
	p.launch()
	unreadable(p)
	s := p.breach("slowish")
	phase(t, s, record.HeldPhase)
	if s.Approval != nil || s.Incident.Decision.Guard != "router" {
		t.Errorf("approval %+v, decision %+v", s.Approval, s.Incident.Decision)
	}
	p = playOf(t, "page")
	ask(p)
	unreadable(p)
	p.s.Approval.Change = ""
	_, err := p.step(p.answer(true, "ann"))
	fixture.Refused(t, err, runbook.ErrConflict)
}

func TestHumanRollsBackFromEveryOpenState(t *testing.T) {
	for _, sc := range scenes() {
		p := playOf(t, sc.onExpiry)
		sc.until(p)
		if !p.s.Open() {
			continue
		}
		t.Run(sc.name, func(t *testing.T) {
			if p.s.ExternalChange() {
				_, err := p.step(Demanded{By: fixture.By("ann"), Reason: "because"})
				fixture.Refused(t, err, runbook.ErrRefused)            // another human's split is not overwritten …
				p.must(SplitAccepted{fixture.By("ann"), "it is mine"}) // … unless somebody says so
			}
			s := p.must(Demanded{By: fixture.By("ann"), Reason: "because"})
			phase(t, s, record.Acted)
			if s.Release.Phase != record.RolledBack || s.Incident.Verdict != nil || !s.Incident.EvidenceAt.IsZero() {
				t.Errorf("release %s, verdict %v, evidence %v", s.Release.Phase, s.Incident.Verdict, s.Incident.EvidenceAt)
			}
			if len(s.Budget.Recent) != 0 {
				t.Error("a human's rollback was taken from the budget")
			}
		})
	}
}

// Without this a release whose traffic a human took away could never be ended, and no
// other begun.
func TestHumanEndsReleaseWithoutTraffic(t *testing.T) {
	p := playOf(t, "page")
	p.launch()
	p.s.Split = record.Split{"ranker-v1": 100, "ranker-v2": 0}
	p.must(Tick{})
	s := p.must(SplitAccepted{fixture.By("ann"), "because"})
	if s.Release.Weight != 0 || s.Release.Held != nil {
		t.Fatalf("release is %+v", s.Release)
	}
	s = p.must(Demanded{By: fixture.By("ann"), Reason: "because"})
	phase(t, s, record.Acted)
	if s.Open() {
		t.Error("the release is still open")
	}
}

func TestForeignSplit(t *testing.T) {
	t.Run("holds, and is told once", func(t *testing.T) {
		p := playOf(t, "page")
		foreign(p)
		if p.s.Release.Held == nil || p.s.Approval.Kind != "release_hold" {
			t.Fatalf("held %v, approval %+v", p.s.Release.Held, p.s.Approval)
		}
		for range 20 {
			quietStep(t, p.after(5*time.Second).must(Tick{}))
			quietStep(t, p.breach("errors"))
			quietStep(t, p.breach("slo"))
		}
		phase(t, p.s, record.HeldPhase)
		if p.s.Approval.Status != record.Pending {
			t.Errorf("the link is %s", p.s.Approval.Status)
		}
	})
	t.Run("seen first with an alert", func(t *testing.T) {
		p := playOf(t, "page")
		p.launch()
		p.s.Split = record.Split{"ranker-v1": 60, "ranker-v2": 40}
		s := p.breach("errors")
		phase(t, s, record.HeldPhase)
		if s.Release.Held == nil || fmt.Sprint(kinds(s)) != "[external_change!]" || s.Write.Messages[0].Approval == "" {
			t.Errorf("held %v, told %v", s.Release.Held, kinds(s))
		}
	})
	t.Run("let go adopts it", func(t *testing.T) {
		p := playOf(t, "page")
		foreign(p)
		was := p.s.Release.Epoch
		s := p.must(p.answer(true, "ann"))
		if s.Release.Held != nil || s.Release.Weight != 40 || s.Release.Epoch != was+1 || s.ExternalChange() {
			t.Fatalf("release is %+v", s.Release)
		}
		p.s.Incident = nil // as it is read: the release has none now
		phase(t, p.after(time.Minute).breach("errors"), record.Acted)
	})
	t.Run("rejecting to let go keeps the hold", func(t *testing.T) {
		p := playOf(t, "page")
		foreign(p)
		phase(t, p.must(p.answer(false, "ann")), record.HeldPhase)
		quietStep(t, p.breach("errors"))
	})
	t.Run("a split of other backends is not adopted", func(t *testing.T) {
		p := playOf(t, "page")
		p.launch()
		for _, sp := range []record.Split{{"ranker-v1": 50, "ranker-v9": 50}, {"ranker-v1": 2, "ranker-v2": 1}, {"ranker-v1": 0}, nil} {
			p.s.Split = sp
			p.must(Tick{})
			if p.s.Release.Held == nil {
				t.Errorf("%v does not hold the release", sp)
			}
			_, err := p.step(SplitAccepted{fixture.By("ann"), "because"})
			fixture.Refused(t, err, runbook.ErrRefused)
		}
	})
	t.Run("put back ends it", func(t *testing.T) {
		p := playOf(t, "page")
		foreign(p)
		p.s.Split = p.s.Release.Want()
		s := p.must(Tick{})
		phase(t, s, record.Done)
		if s.Release.Held != nil || s.Approval.Status != record.Superseded {
			t.Errorf("held %v, approval %s", s.Release.Held, s.Approval.Status)
		}
		phase(t, p.breach("errors"), record.Acted)
	})
	t.Run("put back with a breach asks the policy again", func(t *testing.T) {
		p := playOf(t, "page")
		ask(p)
		p.s.Split = record.Split{"ranker-v1": 60, "ranker-v2": 40}
		phase(t, p.must(Tick{}), record.HeldPhase)
		p.s.Split = p.s.Release.Want()
		phase(t, p.must(Tick{}), record.HeldPhase)
		phase(t, p.breach("slowish"), record.Awaiting)
	})
	t.Run("unreadable keys end no hold", func(t *testing.T) {
		p := playOf(t, "page")
		foreign(p)
		p.s.Split, p.s.PlanProblem = nil, "not JSON"
		if s := p.must(Tick{}); s.Release.Held == nil {
			t.Error("the hold ended")
		}
	})
	t.Run("the same shares in other numbers are nobody", func(t *testing.T) {
		p := playOf(t, "page")
		p.launch()
		p.s.Split = record.Split{"ranker-v1": 8, "ranker-v2": 2}
		quietStep(t, p.must(Tick{}))
		phase(t, p.breach("errors"), record.Acted)
	})
	t.Run("after the act it is never repaired", func(t *testing.T) {
		for _, until := range []func(*play){act, prove, settle} {
			p := playOf(t, "page")
			until(p)
			was := p.s.Incident.Phase
			p.s.Split = record.Split{"ranker-v1": 50, "ranker-v2": 50}
			if s := p.must(Tick{}); fmt.Sprint(kinds(s)) != "[external_change!]" {
				t.Errorf("%s: told %v", was, kinds(s))
			}
			for range 10 {
				quietStep(t, p.after(time.Second).must(Tick{}))
				quietStep(t, p.breach("errors"))
			}
			phase(t, p.s, was)
		}
	})
}

func TestDrainedAndPolledAreSpaced(t *testing.T) {
	p := playOf(t, "page")
	act(p)
	p.after(5 * time.Second).must(drainedAs(record.Good))
	for n := range 3 {
		p.after(5 * time.Second).must(polledAs(record.Good))
		if n == 2 {
			break
		}
		for range 5 { // the other replica, a moment later, its clock a little behind
			s := p.after(-300 * time.Millisecond).must(polledAs(record.Good))
			if s.Incident.Polls != n+1 {
				t.Fatalf("poll %d counted as %d", n+1, s.Incident.Polls)
			}
			p.after(400 * time.Millisecond)
		}
		p.after(-500 * time.Millisecond)
	}
	verdict(t, p.s, record.Recovered)
}

func TestClockSetBackDoesNotStopThePolling(t *testing.T) {
	p := playOf(t, "page")
	prove(p)
	p.after(-time.Hour)
	for range 3 {
		p.after(5 * time.Second).must(polledAs(record.Good))
	}
	verdict(t, p.s, record.Recovered)
}

func TestVerdicts(t *testing.T) {
	const g, b, u = record.Good, record.Bad, record.Unknown
	for _, c := range []struct {
		name  string
		drain []record.Health
		polls []record.Health // the last one goes on until the deadline
		sick  bool
		want  record.Outcome
	}{
		{"three good ones", []record.Health{g}, []record.Health{g, g, g}, false, record.Recovered},
		{"a row that is broken starts anew", []record.Health{b, u, g}, []record.Health{g, g, b, g, g, u, g, g, g}, false, record.Recovered},
		{"silence is not recovery", []record.Health{g}, []record.Health{u}, false, record.CannotTell},
		{"good, then silence", []record.Health{g}, []record.Health{g, g, u}, false, record.CannotTell},
		{"bad to the end", []record.Health{g}, []record.Health{b}, false, record.NotRecovered},
		{"good too late to be sure", []record.Health{g}, append(slices.Repeat([]record.Health{b}, 117), g), false, record.CannotTell},
		{"bad, and stable was sick", []record.Health{g}, []record.Health{b}, true, record.WrongCause},
		{"never drained", []record.Health{b}, nil, false, record.NotRecovered},
		{"drained is not known", []record.Health{u}, nil, false, record.CannotTell},
		{"never asked", nil, nil, false, record.CannotTell},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := playOf(t, "page")
			act(p)
			p.s.Incident.Breach.StableUnhealthy = c.sick
			end := p.s.Incident.Deadline
			last := func(all []record.Health, n int) record.Health { return all[min(n, len(all)-1)] }
			drains, polls := 0, 0
			var told []string
			for p.s.Incident.Verdict == nil && p.now.Before(end.Add(time.Minute)) {
				p.after(5 * time.Second)
				switch {
				case p.s.Incident.Phase == record.Acted && c.drain != nil:
					told = append(told, kinds(p.must(drainedAs(last(c.drain, drains))))...)
					drains++
				case p.s.Incident.Phase == record.Verifying && c.polls != nil:
					told = append(told, kinds(p.must(polledAs(last(c.polls, polls))))...)
					polls++
				}
				told = append(told, kinds(p.must(Tick{}))...)
			}
			verdict(t, p.s, c.want)
			if p.now.After(end.Add(10 * time.Second)) {
				t.Errorf("the verdict came at %s, the deadline was %s", p.now, end)
			}
			want := "verdict!"
			if c.want == record.Recovered {
				want = "verdict"
			}
			if told[len(told)-1] != want {
				t.Errorf("told %v, want %s last", told, want)
			}
		})
	}
}

func TestWrittenIsNotAppliedPagesOnce(t *testing.T) {
	p := playOf(t, "page")
	act(p)
	told := 0
	for range 60 {
		told += len(kinds(p.after(5 * time.Second).must(drainedAs(record.Bad))))
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestArchivedClosesOnce(t *testing.T) {
	p := playOf(t, "page")
	settle(p)
	_, err := p.step(Launched{Launch: fixture.Launch(t), By: fixture.By("ann")})
	fixture.Refused(t, err, runbook.ErrRefused) // or nobody would ever seal it
	impact := &record.Impact{Losses: []record.Loss{{Kind: record.Failures, Excess: 12}}}
	phase(t, p.must(Sealed{Problem: "disk full", Impact: impact}), record.Done)
	if got := p.s.Incident.Impact; got == nil || len(got.Losses) != 1 || got.Losses[0].Excess != 12 {
		t.Errorf("the impact is %+v", got)
	}
	if p.s.Incident.Evidence != "incomplete: disk full" {
		t.Errorf("evidence is %q", p.s.Incident.Evidence)
	}
	was := p.s.Incident.EvidenceAt
	if s := p.after(time.Hour).must(Sealed{Path: "dir"}); !s.Incident.EvidenceAt.Equal(was) {
		t.Error("sealed a second time")
	}
}

func TestToldTakesFromTheOutboxOnce(t *testing.T) {
	p := playOf(t, "page")
	act(p)
	id := p.s.Write.Messages[0].ID
	s := p.must(MessageSent{Message: id, Incident: p.s.Incident.ID, Text: "told #ranking-oncall"})
	if !slices.Equal(s.Write.Sent, []string{id}) || !fixture.Noted(s.Incident, "told") {
		t.Fatalf("sent %v", s.Write.Sent)
	}
	if s = p.must(MessageSent{Message: id, Incident: p.s.Incident.ID, Text: "told again"}); len(s.Write.Sent) != 0 {
		t.Errorf("sent again: %v", s.Write.Sent)
	}
	p.s.Outbox["old"] = true
	lines := len(p.s.Incident.Timeline)
	s = p.must(MessageSent{Message: "old", Incident: "inc-older", Text: "told late"})
	if len(s.Write.Sent) != 1 || len(s.Incident.Timeline) != lines {
		t.Errorf("another incident's message: sent %v, %d lines were %d", s.Write.Sent, len(s.Incident.Timeline), lines)
	}
	s = p.must(MessageSent{Message: "old", Incident: s.Incident.ID, GaveUp: true, Text: "nobody was there"})
	if !fixture.Noted(s.Incident, "gave_up") && s.Outbox["old"] {
		t.Error("giving up is not noted")
	}
}

// Strangers write labels, error texts and reasons; the incident is one small value.
func TestIncidentStaysSmall(t *testing.T) {
	long := strings.Repeat("ü<&\"\x00", 3000)
	p := playOf(t, "page")
	p.launch()
	labels := map[string]string{}
	for n := range 64 {
		labels[fmt.Sprint("label", n)] = long
	}
	queries := slices.Repeat([]record.Query{{Name: "breach", Expr: strings.Repeat("sum(rate(x[1m]))+", 300), Answer: long}}, 12)
	heavy := func(ev AlertChecked) AlertChecked {
		ev.Alert.Labels, ev.Alert.Annotations, ev.Breach.Queries, ev.Breach.Problem = labels, labels, queries, long
		return ev
	}
	p.must(heavy(p.asked(fixture.Breach("errors", record.Unreachable))))
	for n := range 40 {
		ev := heavy(p.asked(fixture.Breach("slowish", record.Breaching)))
		ev.Alert.Trigger = fmt.Sprint("trigger", n)
		p.must(ev)
	}
	p.s.Plan.Keys[0].From, p.s.Plan.Keys[0].To = long, long
	for n := range runbook.MaxInstances {
		p.s.Runbook.Routing.Instances = append(p.s.Runbook.Routing.Instances, fmt.Sprintf("http://%d.%s", n, strings.Repeat("x", 200)))
	}
	p.must(Demanded{By: fixture.By(long), Reason: long})
	p.must(Tick{})
	p.after(12*time.Second).shown(nil, slices.Repeat([]string{long}, runbook.MaxInstances)...)
	p.after(5 * time.Second).must(drainedAs(record.Good))
	answer := record.Answer{Question: "error rate", Health: record.Bad, Text: long, Query: queries[0]}
	for n := range 120 {
		answer.Health = record.Bad
		if n%2 == 0 {
			answer.Health = record.Unknown
		}
		p.after(5 * time.Second).must(RecoveryPolled{Answers: slices.Repeat([]record.Answer{answer}, 8)})
	}
	p.must(Tick{})
	if p.s.Incident.Verdict == nil {
		t.Fatal("no verdict")
	}
	text, err := json.Marshal(p.s.Incident)
	if err != nil || len(text) > 64<<10 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	t.Logf("%d bytes, %d lines", len(text), len(p.s.Incident.Timeline))
	if late := len(p.s.Incident.Applied.Late()); late != runbook.MaxInstances {
		t.Errorf("%d of the router's instances are named", late)
	}
	for _, kind := range []string{"unconfirmed", "demanded", "acted", "drained", "verdict"} {
		if !fixture.Noted(p.s.Incident, kind) {
			t.Errorf("the timeline lost %q", kind)
		}
	}
}
