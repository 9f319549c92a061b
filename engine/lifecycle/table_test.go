package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/golden"
)

// A scene is a state that an incident can be in, and how it came there.
type scene struct {
	name     string
	onExpiry string
	until    func(*play)
}

func act(p *play)   { p.launch(); p.after(time.Minute).breach("errors") }
func prove(p *play) { act(p); p.after(5 * time.Second).must(drainedAs(record.Good)) }
func settle(p *play) {
	prove(p)
	for range 3 {
		p.after(5 * time.Second).must(polledAs(record.Good))
	}
}
func ask(p *play) { p.launch(); p.after(time.Minute).breach("slowish") }
func hold(p *play) {
	p.launch()
	p.s.Control.Mode = runbook.Paused
	p.after(time.Minute).breach("errors")
}
func foreign(p *play) {
	p.launch()
	p.s.Split = record.Split{"ranker-v1": 60, "ranker-v2": 40}
	p.after(time.Minute).must(Tick{})
}

func scenes() []scene {
	return []scene{
		{"nothing", "page", func(*play) {}},
		{"open", "page", func(p *play) { p.launch() }},
		{"unconfirmed", "page", func(p *play) {
			p.launch()
			p.must(p.asked(fixture.Breach("errors", record.Unreachable)))
		}},
		{"held, paused", "page", hold},
		{"held, pause over", "page", func(p *play) { hold(p); p.s.Control.Mode = runbook.Active }},
		{"held, foreign", "page", foreign},
		{"held, no data", "page", func(p *play) { p.launch(); p.must(p.asked(fixture.Breach("errors", record.NoData))) }},
		{"held, expired", "page", func(p *play) { ask(p); p.after(31 * time.Minute).must(Tick{}) }},
		{"frozen", "page", func(p *play) { p.launch(); p.breach("slo") }},
		{"frozen, both sick", "page", func(p *play) {
			p.launch()
			b := fixture.Breach("errors", record.Breaching)
			b.StableUnhealthy = true
			p.must(p.asked(b))
		}},
		{"awaiting", "page", ask},
		{"awaiting, expired", "rollback", func(p *play) { ask(p); p.after(31 * time.Minute).must(Tick{}) }},
		{"acted", "page", act},
		{"acted by human", "page", func(p *play) { p.launch(); p.must(Demanded{By: fixture.By("ann"), Reason: "because"}) }},
		{"verifying", "page", prove},
		{"settled", "page", settle},
		{"closed, recovered", "page", func(p *play) { settle(p); p.must(Sealed{Path: "dir", Digest: "sha256:1"}) }},
		{"closed, rejected", "page", func(p *play) { ask(p); p.must(p.answer(false, "ann")) }},
		{"closed, cleared", "page", func(p *play) {
			p.launch()
			p.must(p.asked(fixture.Breach("errors", record.Unreachable)))
			p.must(p.asked(fixture.Breach("errors", record.NotBreaching)))
		}},
	}
}

// A move is an event, and what the world looks like when it comes.
type move struct {
	name string
	make func(*play) Event
}

func moves() []move {
	ask := func(name, trigger string, state record.State) move {
		return move{name, func(p *play) Event {
			if p.s.Release == nil {
				return AlertChecked{Alert: fixture.Alert(trigger, record.Webhook), Breach: fixture.Breach(trigger, state), Release: "rel-none", Epoch: 1}
			}
			return p.asked(fixture.Breach(trigger, state))
		}}
	}
	plain := func(name string, ev Event) move { return move{name, func(*play) Event { return ev }} }
	return []move{
		ask("severe", "errors", record.Breaching), ask("another severe", "slow", record.Breaching), ask("mild", "slowish", record.Breaching),
		ask("slo", "slo", record.Breaching), ask("not true", "errors", record.NotBreaching), ask("no data", "errors", record.NoData),
		ask("unreachable", "errors", record.Unreachable), ask("unknown trigger", "nobody", record.Breaching),
		{"severe, both sick", func(p *play) Event {
			ev := ask("", "errors", record.Breaching).make(p).(AlertChecked)
			ev.Breach.StableUnhealthy = true
			return ev
		}},
		{"severe of other weights", func(p *play) Event {
			ev := ask("", "errors", record.Breaching).make(p).(AlertChecked)
			ev.Epoch--
			return ev
		}},
		plain("tick", Tick{}),
		{"tick in an hour", func(p *play) Event { p.after(time.Hour); return Tick{} }},
		{"tick, foreign split", func(p *play) Event { p.s.Split = record.Split{"ranker-v1": 50, "ranker-v2": 50}; return Tick{} }},
		{"tick, split put back", func(p *play) Event {
			if p.s.Release != nil {
				p.s.Split = p.s.Release.Want()
			}
			return Tick{}
		}},
		{"tick, keys touched", func(p *play) Event { p.after(5 * time.Minute); p.s.Plan.Digest = "sha256:touched"; return Tick{} }},
		{"tick, keys unreadable", func(p *play) Event {
			p.s.Split, p.s.Plan, p.s.PlanProblem = nil, record.Change{}, "not JSON"
			return Tick{}
		}},
		plain("drained", drainedAs(record.Good)), plain("not drained", drainedAs(record.Bad)), plain("drained?", drainedAs(record.Unknown)),
		plain("good poll", polledAs(record.Good)), plain("bad poll", polledAs(record.Bad)),
		plain("archived", Sealed{Path: "dir", Digest: "sha256:2"}), plain("not archived", Sealed{Problem: "disk full"}),
		plain("told of nothing", MessageSent{Message: "m", Text: "told"}),
		{"told", func(p *play) Event {
			p.s.Outbox = map[string]bool{"m": true}
			return MessageSent{Message: "m", Text: "told"}
		}},
		{"launch", func(p *play) Event { return Launched{Launch: fixture.Launch(p.tb), By: fixture.By("bob")} }},
		plain("human rolls back", Demanded{By: fixture.By("bob"), Reason: "because"}),
		{"yes", func(p *play) Event { return p.answer(true, "ann") }}, {"no", func(p *play) Event { return p.answer(false, "ann") }},
		{"yes of a stranger", func(p *play) Event { return p.answer(true, "eve") }},
		{"yes to an old plan", func(p *play) Event { p.s.Plan.Digest = "sha256:moved"; return p.answer(true, "ann") }},
		plain("accept split", SplitAccepted{fixture.By("ann"), "because"}),
	}
}

// TestEveryPhaseAndEvent writes down what every event makes of every state. The edges
// are held to doc.go's table by play.step; the rest is held to the golden file.
func TestEveryPhaseAndEvent(t *testing.T) {
	var out strings.Builder
	for _, sc := range scenes() {
		fmt.Fprintf(&out, "%s\n", sc.name)
		for _, m := range moves() {
			p := playOf(t, sc.onExpiry)
			sc.until(p)
			p.s.Outbox = map[string]bool{}
			p.after(6 * time.Second)
			ev := m.make(p)
			before := p.s
			next, err := p.step(ev)
			checkStep(t, sc.name+" + "+m.name, before, next, ev, err)
			fmt.Fprintf(&out, "  %-24s %s\n", m.name, outcomeOf(before, next, err))
		}
	}
	golden.Equal(t, "step.golden", []byte(out.String()))
}

func outcomeOf(before, after State, err error) string {
	switch {
	case errors.Is(err, runbook.ErrRefused):
		return "refused"
	case errors.Is(err, runbook.ErrConflict):
		return "conflict"
	case errors.Is(err, runbook.ErrNotFound):
		return "not found"
	case err != nil:
		return "error " + err.Error()
	}
	var words []string
	if b, a := place(before), place(after); a != b {
		words = append(words, b+" → "+a)
	}
	if after.Write.Shift {
		words = append(words, fmt.Sprintf("split %v", after.Plan.To))
	}
	if b, a := status(before), status(after); a != b {
		words = append(words, "approval "+a)
	}
	for _, k := range kinds(after) {
		words = append(words, "tells "+k)
	}
	if i, j := before.Incident, after.Incident; i != nil && j != nil && i.Polls != j.Polls && i.Phase == j.Phase {
		words = append(words, fmt.Sprintf("polls %d", j.Polls))
	}
	if len(after.Write.Sent) > 0 {
		words = append(words, fmt.Sprintf("sent %v", after.Write.Sent))
	}
	if i := after.Incident; i != nil && i.Verdict != nil && (before.Incident == nil || before.Incident.Verdict == nil) {
		words = append(words, "verdict "+string(i.Verdict.Outcome))
	}
	if i, j := before.Incident, after.Incident; i != nil && j != nil && i.ID == j.ID && i.Phase == j.Phase && len(j.Alerts) > len(i.Alerts) {
		words = append(words, "joins")
	}
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}

func place(s State) string {
	switch {
	case s.Incident != nil:
		return string(s.Incident.Phase)
	case s.Release != nil:
		return string(s.Release.Phase)
	}
	return "nothing"
}

func status(s State) string {
	if s.Approval == nil {
		return ""
	}
	return s.Approval.Kind + " " + string(s.Approval.Status)
}

// checkStep is what must be true whatever the event.
func checkStep(t *testing.T, name string, before, after State, ev Event, err error) {
	t.Helper()
	automatic := func() bool {
		switch ev.(type) {
		case Launched, Demanded, Answered:
			return false
		}
		return true
	}()
	switch {
	case err != nil:
		return
	case after.Write.Shift && automatic && (before.Control.Mode != runbook.Active || before.ExternalChange() || before.PlanProblem != ""):
		t.Errorf("%s: an automatic write while %s, foreign %v", name, before.Control.Mode, before.ExternalChange())
	case after.Write.Shift && after.Release.Phase == record.RolledBack && after.Incident.Change == nil:
		t.Errorf("%s: traffic was moved and the incident does not say so", name)
	case after.Incident != nil && after.Incident.Change != nil && after.Release.Phase == record.Open:
		t.Errorf("%s: the incident says that traffic was moved and the release is open", name)
	case after.Incident != nil && after.Incident.Phase == "":
		t.Errorf("%s: an incident without a phase", name)
	}
}
