package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

const (
	one = "http://10.0.0.5:8080"
	two = "http://10.0.0.6:8080"
)

// routed is a play whose runbook names two instances of the router, with a release at 20 %.
func routed(tb testing.TB) *play {
	p := rampOf(tb, runbook.PromoteAutomatic)
	p.s.Runbook.Routing.Instances = []string{one, two}
	p.launch()
	p.must(Tick{})
	return p
}

// shown is a round in which every instance shows a split, but those with a problem.
func (p *play) shown(split record.Split, problems ...string) State {
	p.tb.Helper()
	ev := Observed{Release: p.s.Release.ID, Epoch: p.s.Release.Epoch}
	for n, address := range p.s.Runbook.Routing.Instances {
		v := View{Address: address, At: p.now, Split: split}
		if n < len(problems) && problems[n] != "" {
			v = View{Address: address, At: p.now, Problem: problems[n]}
		}
		ev.Views = append(ev.Views, v)
	}
	return p.must(ev)
}

func TestARollbackIsReadBackAndApplied(t *testing.T) {
	p := routed(t)
	p.shown(record.Split{"ranker-v1": 80, "ranker-v2": 20})
	acted := p.now
	p.must(Demanded{By: fixture.By("bob"), Reason: "looks bad"})
	if p.s.Release.ReadBack() || p.s.Incident.Applied != nil {
		t.Fatal("read back by the step that writes")
	}
	p.after(50 * time.Millisecond).must(Tick{})
	a := p.s.Incident.Applied
	if a == nil || !a.WrittenAt.Equal(acted) || !a.ReadBackAt.Equal(p.now) || !a.AppliedAt.IsZero() {
		t.Fatalf("after the read: %+v", a)
	}
	p.after(time.Second).shown(record.Split{"ranker-v1": 100}, "", "it does not answer within 2s")
	first := p.now
	if a = p.s.Incident.Applied; !a.AppliedAt.IsZero() || !a.Instances[0].AppliedAt.Equal(first) || !a.Instances[1].AppliedAt.IsZero() {
		t.Fatalf("one of two follows: %+v", a)
	}
	p.after(time.Second).shown(record.Split{"ranker-v1": 100, "ranker-v2": 0})
	a = p.s.Incident.Applied
	if !a.AppliedAt.Equal(p.now) || !a.Instances[0].AppliedAt.Equal(first) || !a.Instances[1].AppliedAt.Equal(p.now) {
		t.Fatalf("both follow: %+v", a)
	}
	moved := p.s.Release.Moves[len(p.s.Release.Moves)-1]
	if moved.Why != "rollback" || !moved.AppliedAt.Equal(p.now) || !noted(p.s, "applied") {
		t.Errorf("move %+v, timeline %v", moved, p.s.Incident.Timeline)
	}
	if ask := Observing(*p.s.Release, p.s.Runbook.Routing.Instances, p.now); len(ask) != 0 {
		t.Errorf("still asks %v", ask)
	}
}

// What somebody else wrote is no read-back of ours, and nobody is asked about it.
func TestAnExternalChangeIsNotReadBack(t *testing.T) {
	p := routed(t)
	p.must(Demanded{By: fixture.By("bob"), Reason: "looks bad"})
	p.s.Split = record.Split{"ranker-v1": 60, "ranker-v2": 40}
	p.must(Tick{})
	if p.s.Release.ReadBack() {
		t.Fatal("another split was read back")
	}
	if ask := Observing(*p.s.Release, p.s.Runbook.Routing.Instances, p.now); len(ask) != 0 {
		t.Errorf("asks %v for a split that is not ours", ask)
	}
}

func TestAnInstanceThatDoesNotFollowIsNamedOnceAndPages(t *testing.T) {
	p := routed(t)
	p.must(Demanded{By: fixture.By("bob"), Reason: "looks bad"})
	p.must(Tick{})
	var told []record.Message
	for range 30 {
		s := p.after(time.Second).shown(record.Split{"ranker-v1": 100}, "", "it does not answer within 2s")
		told = append(told, s.Write.Messages...)
	}
	if len(told) != 1 || told[0].Kind != report.KindInstanceNotApplied || !told[0].Page || told[0].Incident != p.s.Incident.ID ||
		!strings.Contains(told[0].Text, "- 10.0.0.6:8080: it does not answer within 2s") || strings.Contains(told[0].Text, "10.0.0.5") {
		t.Fatalf("told %+v", told)
	}
	i := p.s.Incident.Applied.Instances[1]
	if after := i.LateAt.Sub(p.s.Incident.ActedAt); after < lateAfter || after > 15*time.Second || i.Problem == "" {
		t.Errorf("named after %s: %+v", after, i)
	}
	if late := p.s.Incident.Applied.Late(); len(late) != 1 || late[0].Address != two {
		t.Errorf("late are %v", late)
	}
	if count(p.s, "instance_not_applied") != 1 {
		t.Errorf("the timeline names it %d times", count(p.s, "instance_not_applied"))
	}
}

// An instance may follow long after the incident is over; that is told once, and ends no
// other alarm of the incident.
func TestAnInstanceThatFollowsLateIsToldOnce(t *testing.T) {
	p := routed(t)
	p.must(Demanded{By: fixture.By("bob"), Reason: "looks bad"})
	p.must(Tick{})
	p.after(12 * time.Second).shown(record.Split{"ranker-v1": 80, "ranker-v2": 20})
	if n := len(p.s.Incident.Applied.Late()); n != 2 {
		t.Fatalf("%d late: an old split is not the new one", n)
	}
	var told []record.Message
	for n := range 5 {
		problem := "it does not answer"
		if n > 2 {
			problem = ""
		}
		s := p.after(time.Second).shown(record.Split{"ranker-v1": 100}, problem)
		told = append(told, s.Write.Messages...)
	}
	if len(told) != 2 || told[0].Kind != report.KindInstanceApplied || told[1].Kind != report.KindInstanceApplied {
		t.Fatalf("told %+v", told)
	}
	if !strings.Contains(told[0].Text, "1 router instance still does not follow") || !strings.Contains(told[1].Text, "Every instance serves it now") {
		t.Errorf("texts %q, %q", told[0].Text, told[1].Text)
	}
	if told[0].Ends != nil || !slices.Equal(told[1].Ends, []string{report.KindInstanceNotApplied}) {
		t.Errorf("they end %q, %q", told[0].Ends, told[1].Ends)
	}
	for _, m := range told {
		if m.Page || (m.Incident != "") != (len(m.Ends) > 0) || m.EndsAt.IsZero() {
			t.Errorf("%+v", m)
		}
	}
	if count(p.s, "instance_applied") != 2 || count(p.s, "applied") != 1 || p.s.Release.Applied.AppliedAt.IsZero() {
		t.Errorf("timeline %v", p.s.Incident.Timeline)
	}
}

// Promotion waits until every instance follows, and goes on when it does.
func TestPromotionWaitsForEveryInstance(t *testing.T) {
	p := routed(t)
	p.alive(11 * minute)
	waiting(t, p.must(Tick{}), "waiting for the router's instances to serve the step to 20 %")
	p.shown(record.Split{"ranker-v1": 80, "ranker-v2": 20}, "it answers 502 Bad Gateway")
	waiting(t, p.must(Tick{}), "the router does not serve 20 % everywhere, so a rollback would not reach it either: "+one+" (it answers 502 Bad Gateway)")
	if asks(p.s, p.now) {
		t.Error("Prometheus is asked for a step that cannot be taken")
	}
	ev := p.readyAs("ann")
	if _, err := p.step(ev); err == nil {
		t.Error("a human took the step over an instance that does not follow")
	}
	p.shown(record.Split{"ranker-v1": 4, "ranker-v2": 1})
	if s := p.must(p.readyAs("")); s.Release.Weight == 20 {
		t.Errorf("it waits: %s", s.Release.Waiting)
	}
	if moves := p.s.Release.Moves; moves[0].AppliedAt.IsZero() || !moves[1].AppliedAt.IsZero() {
		t.Errorf("moves %+v", moves)
	}
}

// A rollback waits for nobody.
func TestARollbackIsDoneOverAnInstanceThatDoesNotFollow(t *testing.T) {
	p := routed(t)
	p.after(12*time.Second).shown(nil, "it does not answer", "it does not answer")
	s := p.breach("errors")
	phase(t, s, record.Acted)
	weight(t, s, 0)
}

func TestInstancesOfAReloadedRunbook(t *testing.T) {
	p := routed(t)
	p.after(12*time.Second).shown(record.Split{"ranker-v1": 80, "ranker-v2": 20}, "", "it does not answer")
	p.s.Runbook.Routing.Instances = []string{one}
	p.must(Tick{})
	if p.s.Release.Applied.AppliedAt.IsZero() {
		t.Error("an instance that is named no more is waited for")
	}
	const three = "http://10.0.0.7:8080"
	p.s.Runbook.Routing.Instances = []string{three, one}
	if ask := Observing(*p.s.Release, p.s.Runbook.Routing.Instances, p.now); !slices.Equal(ask, []string{three}) {
		t.Errorf("asks %v", ask)
	}
	p.shown(record.Split{"ranker-v1": 80, "ranker-v2": 20})
	if n := len(p.s.Release.Applied.Instances); n != 2 || len(p.s.Release.NotApplied(p.s.Runbook.Routing.Instances)) != 0 {
		t.Errorf("%d instances: %+v", n, p.s.Release.Applied)
	}
}

func TestWhoIsObserved(t *testing.T) {
	at := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	read := &record.Applied{Epoch: 2, ReadBackAt: at}
	for name, c := range map[string]struct {
		r    record.Release
		want int
	}{
		"not read back":                   {record.Release{Phase: record.Open, Epoch: 2}, 0},
		"read back for an earlier epoch":  {record.Release{Phase: record.Open, Epoch: 3, Applied: read}, 0},
		"open":                            {record.Release{Phase: record.Open, Epoch: 2, Applied: read}, 2},
		"held by an external change":      {record.Release{Phase: record.Open, Epoch: 2, Applied: read, Held: &record.HumanHold{}}, 0},
		"closed":                          {record.Release{Phase: record.Closed, Epoch: 2, Applied: read, WeightChangedAt: at}, 0},
		"rolled back":                     {record.Release{Phase: record.RolledBack, Epoch: 2, Applied: read, WeightChangedAt: at}, 2},
		"rolled back more than a day ago": {record.Release{Phase: record.RolledBack, Epoch: 2, Applied: read, WeightChangedAt: at.Add(-observeFor)}, 0},
	} {
		if got := len(Observing(c.r, []string{one, two}, at.Add(time.Minute))); got != c.want {
			t.Errorf("%s: asks %d, want %d", name, got, c.want)
		}
	}
}

func TestAnswersForAnotherEpochChangeNothing(t *testing.T) {
	p := routed(t)
	ev := Observed{Release: p.s.Release.ID, Epoch: p.s.Release.Epoch - 1, Views: []View{{one, p.now, p.s.Split, ""}, {two, p.now, p.s.Split, ""}}}
	if s := p.must(ev); !s.Release.Applied.AppliedAt.IsZero() || len(s.Release.Applied.Instances) != 0 {
		t.Errorf("%+v", s.Release.Applied)
	}
}

func noted(s State, kind string) bool { return count(s, kind) > 0 }

func count(s State, kind string) int {
	n := 0
	for _, r := range s.Incident.Timeline {
		if r.Kind == kind {
			n++
		}
	}
	return n
}
