package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A narrator prints what the daemon does, as it happens: every step of the ramp and
// every line of each incident's timeline. It reads the daemon's API and nothing else.
type narrator struct {
	*show
	began   time.Time
	moves   map[string]int // printed so far, by release
	lines   map[string]int // by incident
	waiting string         // printed last
	asked   string         // the approval that was printed last
	release record.Release
	inc     record.Incident // the newest; zero: none yet
}

func (d *show) newNarrator() *narrator {
	d.say("%s\nrunbook, data and evidence: %s", d.scenario.title, d.dir)
	d.say("dashboard while it runs: %s\n", d.client.URL)
	return &narrator{show: d, began: time.Now(), moves: map[string]int{}, lines: map[string]int{}}
}

// until looks and prints until the condition holds.
func (t *narrator) until(ctx context.Context, what string, within time.Duration, ok func() bool) error {
	for deadline := time.Now().Add(within); ; {
		if err := t.look(ctx); err != nil {
			return err
		}
		if ok() {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("demo: waited %s for %s; the release has %v %% and waits: %s", within, what, t.release.Weight, t.release.Waiting)
		}
		if err := gameday.Pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (t *narrator) look(ctx context.Context) error {
	rel, err := t.client.Release(ctx, "ranker", runbook.DefaultRegion)
	switch {
	case errors.Is(err, runbook.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read release: %w", err)
	}
	t.release = rel
	for n := t.moves[rel.ID]; n < len(rel.Moves); n++ {
		m := rel.Moves[n]
		t.line(m.At.Sub(t.began), "ramp", fmt.Sprintf("%s: %s from %v %% to %v %%", m.Why, rel.Candidate.Version, m.From, m.To))
	}
	t.moves[rel.ID] = len(rel.Moves)
	if rel.Waiting != t.waiting && rel.Waiting != "" {
		t.line(time.Since(t.began), "waits", rel.Waiting)
	}
	t.waiting = rel.Waiting
	all, err := t.client.Incidents(ctx)
	if err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	for n := len(all) - 1; n >= 0; n-- {
		t.timeline(all[n])
	}
	return nil
}

func (t *narrator) timeline(inc record.Incident) {
	for n := t.lines[inc.ID]; n < len(inc.Timeline); n++ {
		r := inc.Timeline[n]
		t.line(r.At.Sub(t.began), r.Kind, r.Text)
	}
	t.lines[inc.ID] = len(inc.Timeline)
	t.inc = inc
}

// printEvent says what the world does now.
func (t *narrator) printEvent(what string) { t.line(time.Since(t.began), "world", what) }

// pause lets time pass, and goes on looking.
func (t *narrator) pause(ctx context.Context, span time.Duration, why string) error {
	t.printEvent(fmt.Sprintf("%s (%s)", why, span))
	end := time.Now().Add(span)
	return t.until(ctx, why, span+time.Second, func() bool { return !time.Now().Before(end) })
}

// launch starts a release.
func (t *narrator) launch(ctx context.Context, change func(*runbook.Launch)) error {
	file, err := launch(change)
	if err != nil {
		return err
	}
	rel, err := t.client.Start(ctx, file)
	if err != nil {
		return fmt.Errorf("start release: %w", err)
	}
	t.printEvent(fmt.Sprintf("a human starts %s with %v %%: autorollback release start -f release.yaml", rel.Candidate.Version, rel.Weight))
	return nil
}

// ended reports whether the incident has its verdict, and its evidence is sealed.
func (t *narrator) ended() bool { return t.inc.Verdict != nil && !t.inc.EvidenceAt.IsZero() }

// rolledBack waits for the incident's end and reports: one transaction, recovered.
func (t *narrator) rolledBack(ctx context.Context, within time.Duration) error {
	if err := t.until(ctx, "the end of an incident", within, t.ended); err != nil {
		return err
	}
	return t.verdict(record.Recovered)
}

// verdict prints how the incident ended, which must be so.
func (t *narrator) verdict(must record.Outcome) error {
	t.requests()
	v := t.inc.Verdict
	t.say("a bad request was planted, and is under Samples of the page: %s", strings.Join(t.planted(), ", "))
	t.say("verdict: %s: %s\nincident page: %s", v.Outcome, v.Reason, filepath.Join(t.dir, "incidents", t.inc.ID, "incident.html"))
	if v.Outcome != must {
		return fmt.Errorf("demo: the verdict must be %s", must)
	}
	return nil
}

// planted are the requests of the candidate that were made to fail.
func (t *narrator) planted() []string {
	if t.next != nil && t.inc.Candidate.Version == t.next.Name {
		return t.next.Planted()
	}
	return t.world.Candidate.Planted()
}

func (t *narrator) requests() {
	sent, failed := t.world.Traffic.Counts()
	t.say("\n%s requests, %s failed; the router now follows %v", runbook.Figure(float64(sent)), runbook.Figure(float64(failed)), t.world.Router.Split())
}

func (d *show) say(format string, args ...any) { fmt.Fprintf(d.console.Out, format+"\n", args...) }

func (d *show) line(at time.Duration, kind, text string) {
	d.say("%+8.2fs  %-13s %s", at.Seconds(), kind, text)
}
