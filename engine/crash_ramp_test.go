package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/sim"
)

// climb lets a release go up its ramp to the end, with one death on the way: what is
// lost is the process, and the watchdog goes on.
func (d *drama) climb() {
	d.sent, d.st = map[string]int{}, newMemory()
	must(d.t, put(d.st, routerKey, `{"weights":{"ranker-v1":100}}`))
	launch := fixture.Launch(d.t)
	if d.rb.Rollout.Strategy == runbook.BlueGreen {
		launch.Weight = 0
	}
	began := time.Now()
	l := d.live(d.t.Context())
	for time.Since(began) < 3*time.Hour {
		if l.gone() != nil {
			<-l.over
			l = d.live(d.t.Context())
		}
		rel, there := d.release()
		if !there {
			_, _ = l.e.Start(d.t.Context(), launch, fixture.By("ann")) // refused or dead: the state shows it
		}
		_ = l.e.Alerts(d.t.Context(), []record.Alert{{Trigger: watchdog, Firing: true, Source: record.Webhook}})
		if there && rel.Phase == record.Closed && len(all[record.Message](d.t, d.st, store.OutboxKey(""))) == 0 {
			break
		}
		if there && d.person != nil {
			d.person(l.e, rel)
		}
		time.Sleep(30 * time.Second)
	}
	l.stop()
	<-l.over
}

// A rampStory is one way to the end of a ramp, whatever the process dies at.
type rampStory struct {
	title   string
	rollout *runbook.Rollout
	steps   string // and no other
	told    map[string]int
	frozen  int // incidents that froze it
	person  func(d *drama) func(*Engine, record.Release)
	dies    []string // where it dies; none: at every boundary it comes to
}

// quickly is a ramp of a quarter of an hour, since it is played so often.
func quickly(promote string) *runbook.Rollout {
	return &runbook.Rollout{Strategy: runbook.Canary, Promote: promote, Bake: fixture.Minutes(5), Steps: []runbook.RampStep{
		{Weight: 20, For: fixture.Minutes(3)}, {Weight: 50, For: fixture.Minutes(3)}, {Weight: 100}}}
}

func rampStories() []rampStory {
	blueGreen := &runbook.Rollout{Strategy: runbook.BlueGreen, Promote: runbook.PromoteAutomatic, Bake: fixture.Minutes(5), Holdback: 5}
	return []rampStory{
		{title: "A ramp that climbs automatically", rollout: quickly(runbook.PromoteAutomatic), steps: "start 20, promote 50, promote 100 good, proved 100",
			told: map[string]int{"started": 1, "promoted": 2, "checked": 1, "proved": 1}},
		{title: "A ramp that asks at each step", rollout: quickly(runbook.PromoteAsk), steps: "start 20, promote 50, promote 100 good, proved 100",
			told: map[string]int{"started": 1, "promoted": 2, "checked": 1, "proved": 1, "promote": 2}, dies: []string{"asked", "send-promote", "told-promote", "promote", "checked", "proved"}, person: (*drama).saysYes},
		{title: "A ramp that is frozen, looked at and resumed", rollout: quickly(runbook.PromoteAutomatic), steps: "start 20, promote 50, promote 100 good, proved 100",
			told: map[string]int{"started": 1, "promoted": 2, "checked": 1, "proved": 1}, frozen: 1, dies: []string{"confirm", "open", "closed", "promote"}, person: (*drama).resumes},
		{title: "Blue and green: the flip, the bake and the rest", rollout: blueGreen, steps: "start 0, flip 95 good, promote 100, proved 100",
			told: map[string]int{"started": 1, "promoted": 1, "checked": 1, "proved": 1}, dies: []string{"launch", "promote", "checked"}, person: (*drama).flips},
	}
}

// saysYes answers what the ramp asks.
func (d *drama) saysYes() func(*Engine, record.Release) {
	return func(e *Engine, rel record.Release) {
		if rel.Asking != "" {
			_, _ = e.Answer(d.t.Context(), rel.Asking, fixture.By("ann"), record.Reply{Yes: true, Reason: "because"}) // answered, refused or dead
		}
	}
}

// resumes is users who get errors from both sides at 20 %, and a human who has the ramp go
// on when that is over.
func (d *drama) resumes() func(*Engine, record.Release) {
	seen := false
	return func(e *Engine, rel record.Release) {
		frozen := rel.Frozen != ""
		seen = seen || frozen
		d.facts.set(func(f *facts) {
			f.firing = nil
			if f.breaking["slo"] = rel.Weight == 20 && !seen; f.breaking["slo"] {
				f.firing = []string{"slo"}
			}
		})
		if frozen && !d.facts.breaks("slo") {
			_, _ = e.Resume(d.t.Context(), "ranker", "", fixture.By("ann"), "it was the database") // or dead
		}
	}
}

func (f *facts) breaks(trigger string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.breaking[trigger]
}

// flips flips, and does so again after a crash that lost it.
func (d *drama) flips() func(*Engine, record.Release) {
	return func(e *Engine, rel record.Release) {
		if rel.Weight == 0 && rel.Phase == record.Open {
			_, _ = e.Flip(d.t.Context(), "ranker", "", fixture.By("ann")) // refused or dead: the state shows it
		}
	}
}

// climbed is what must be true however often the process died: each step once, its checks
// proved, the release closed, nobody alarmed but for what froze it. It is the story's line
// in the table.
func (d *drama) climbed(story rampStory) string {
	rel, _ := d.release()
	var moves []string
	for _, m := range rel.Moves {
		moves = append(moves, strings.TrimSpace(fmt.Sprint(m.Why, " ", m.To, " ", m.Checked)))
	}
	steps := strings.Join(moves, ", ")
	if rel.Phase != record.Closed || steps != story.steps {
		d.t.Errorf("%s, died at %q: %s in epoch %d, moves %q, want %q; waiting: %s", story.title, d.dieAt, rel.Phase, rel.Epoch, steps, story.steps, rel.Waiting)
	}
	incidents := all[record.Incident](d.t, d.st, store.IncidentKey(""))
	for _, i := range incidents {
		if i.Phase != record.Done || i.Change != nil {
			d.t.Errorf("%s, died at %q: incident %+v", story.title, d.dieAt, i)
		}
	}
	if len(incidents) != story.frozen {
		d.t.Errorf("%s, died at %q: %d incidents", story.title, d.dieAt, len(incidents))
	}
	var told []string
	for _, kind := range []string{"started", "promote", "promoted", "checked", "proved"} {
		times, got := story.told[kind], d.sent[kind]
		if got < times || got > times+1 {
			d.t.Errorf("%s, died at %q: %s was sent %d times, want %d, and once more only for the death", story.title, d.dieAt, kind, got, times)
		}
		if got > 0 {
			told = append(told, kind)
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", d.dieAt, d.found, steps, rel.Phase, strings.Join(told, ", "))
}

const rampHead = `# What a crash leaves behind on a ramp

Generated by engine/crash_ramp_test.go in the same way: the process dies at a boundary the
first time it comes to it. Every row ends with each step taken once, its checks done, the
release closed, and the candidate as the last known good. test/e2e kills the real program
(kill -9) in one climb, once at each of these (of the messages, of two kinds):
TestKilledAllTheWayUp. "release" is all that changes the release alone, such as why it waits.
`

// A ramp goes on from the store alone whatever step boundary the process dies at.
func TestARampResumesAfterDeathAtEveryBoundary(t *testing.T) {
	var table strings.Builder
	table.WriteString(rampHead)
	for _, story := range rampStories() {
		fmt.Fprintf(&table, "\n## %s\n\n| died at | found in the store | steps | release | told |\n|---|---|---|---|---|\n", story.title)
		rb := fixture.Runbook(t, "page")
		rb.Rollout = story.rollout
		play := func(dieAt string) (d *drama, line string) {
			d = &drama{rb: rb, facts: factsOf(t, rb), dieAt: dieAt}
			if story.person != nil {
				d.person = story.person(d)
			}
			synctest.Test(t, func(t *testing.T) {
				d.t = t
				d.climb()
				line = d.climbed(story)
			})
			return d, line
		}
		whole, _ := play("")
		slices.SortFunc(whole.names, byStep)
		died := map[string]bool{}
		for n, name := range whole.names {
			_, step, _ := strings.Cut(name, "-")
			if story.dies != nil && !slices.Contains(story.dies, step) || raced(n) {
				continue
			}
			d, line := play(name)
			died[name] = d.found != ""
			table.WriteString(line)
		}
		must := story.dies
		if must == nil {
			must = []string{"launch", "promote", "checked", "proved", "release"}
			for kind := range story.told {
				must = append(must, "send-"+kind, "told-"+kind)
			}
		}
		for _, step := range must {
			if !sim.Raced && (!died["before-"+step] || !died["after-"+step]) {
				t.Errorf("%s: never died before and after %s; boundaries: %v", story.title, step, whole.names)
			}
		}
	}
	asDocumented(t, crashTable, 32, table.String())
}
