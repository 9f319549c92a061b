package engine

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// climb lets a release go up its ramp to the end, with one death on the way: what is
// lost is the process, and the watchdog goes on.
func (d *drama) climb() {
	d.sent, d.st = map[string]int{}, newMemory()
	must(d.t, put(d.st, routerKey, `{"weights":{"ranker-v1":100}}`))
	began := time.Now()
	l := d.live(d.t.Context())
	for time.Since(began) < 2*time.Hour {
		if l.gone() != nil {
			<-l.over
			l = d.live(d.t.Context())
		}
		rel, there := d.release()
		if !there {
			_, _ = l.e.Start(d.t.Context(), launchOf(d.t), "ann") // refused or dead: the state shows it
		}
		_ = l.e.Alerts(d.t.Context(), []runbook.Alert{{Trigger: watchdog, Firing: true, Lane: runbook.Webhook}})
		if there && rel.Phase == runbook.Closed && len(all[runbook.Message](d.t, d.st, store.OutboxKey(""))) == 0 {
			break
		}
		time.Sleep(30 * time.Second)
	}
	l.stop()
	<-l.over
}

// climbed is what must be true however often the process died: each step once, its
// checks proved, the release closed, nobody alarmed.
func (d *drama) climbed() {
	rel, _ := d.release()
	var moves string
	for _, m := range rel.Moves {
		moves += fmt.Sprint(m.Why, " ", m.To, m.Checked, "; ")
	}
	if want := "start 20; promote 50; promote 100good; proved 100; "; rel.Phase != runbook.Closed || moves != want || rel.Epoch != 3 {
		d.t.Errorf("died at %q: %s in epoch %d, moves %q, want %q; waiting: %s", d.dieAt, rel.Phase, rel.Epoch, moves, want, rel.Waiting)
	}
	if n := len(all[runbook.Incident](d.t, d.st, store.IncidentKey(""))); n != 0 {
		d.t.Errorf("died at %q: %d incidents", d.dieAt, n)
	}
	for kind, times := range map[string]int{"promoted": 2, "checked": 1, "proved": 1} {
		if got := d.sent[kind]; got < times || got > times+1 {
			d.t.Errorf("died at %q: %s was sent %d times, want %d, and once more only for the death", d.dieAt, kind, got, times)
		}
	}
}

// A ramp goes on from the store alone whatever step boundary the process dies at.
func TestARampResumesAfterDeathAtEveryBoundary(t *testing.T) {
	rb := runbookOf(t, "page")
	rb.Rollout = threeSteps(runbook.PromoteAutomatic)
	play := func(dieAt string) *drama {
		d := &drama{rb: rb, facts: factsOf(t, rb), dieAt: dieAt}
		synctest.Test(t, func(t *testing.T) {
			d.t = t
			d.climb()
			d.climbed()
		})
		return d
	}
	names := play("").names
	died := map[string]bool{}
	for _, name := range names {
		died[name] = play(name).found != ""
	}
	for _, name := range []string{"before-launch", "after-launch", "before-promote", "after-promote", "before-release", "after-release", "before-send", "after-send", "before-told", "after-told"} {
		if !died[name] {
			t.Errorf("never died at %s; boundaries: %v", name, names)
		}
	}
}
