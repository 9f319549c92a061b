package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// A story is what happens to the model versions, and how it must end.
type story struct {
	title   string
	well    *demo.Behaviour // of a good version; nil: demo.Well
	acts    []act
	outcome record.Outcome // of the verdict; empty: no incident at all
	watch   time.Duration  // how long to go on at most, or, with no incident to come, how long to look for one
}

// act changes a behaviour some time after the release is under observation.
type act struct {
	after     time.Duration
	candidate *demo.Behaviour
	stable    *demo.Behaviour
	says      string
}

var (
	slow    = demo.Behaviour{Latency: 175 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	broken  = demo.Behaviour{Latency: 175 * time.Millisecond, Errors: 0.4, Conversion: 0.3}
	slower  = demo.Behaviour{Latency: 80 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	calm    = demo.Behaviour{Latency: 200 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	calmer  = demo.Behaviour{Latency: 320 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	outage  = demo.Behaviour{Latency: 50 * time.Millisecond, Errors: 0.3, Conversion: 0.3}
	stories = map[string]story{
		"severe": {title: "v2 turns slow, and then fails", outcome: record.Recovered, watch: 4 * time.Minute, acts: []act{
			{candidate: &slow, says: "v2 turns slow: 175 ms instead of 50 ms"},
			{after: 2 * time.Second, candidate: &broken, says: "v2 fails: 40 % of its answers are errors"}}},
		"mild": {title: "v2 is half again as slow", outcome: record.Recovered, watch: 5 * time.Minute, acts: []act{
			{candidate: &slower, says: "v2 turns a little slow: 80 ms instead of 50 ms"}}},
		// The same, four times as slow on both sides: what a busy machine adds to each answer
		// then hardly changes how many times as slow v2 is.
		"mild, busy": {title: "v2 is half again as slow", well: &calm, outcome: record.Recovered, watch: 5 * time.Minute, acts: []act{
			{candidate: &calmer, says: "v2 turns a little slow: 320 ms instead of 200 ms"}}},
		"none": {title: "v2 is a good release", watch: 40 * time.Second, acts: []act{{says: "nothing happens: v2 is as good as v1"}}},
		"both": {title: "v1 and v2 fail together", outcome: record.WrongCause, watch: 4 * time.Minute, acts: []act{
			{candidate: &outage, stable: &outage, says: "something behind both versions breaks: 30 % of all answers are errors"}}},
	}
)

// tell starts the release, lets the story happen and prints what the daemon does
// about it, as it happens.
func (d *show) tell(ctx context.Context) error {
	if b := d.story.well; b != nil {
		d.world.Stable.Behave(*b)
		d.world.Candidate.Behave(*b)
	}
	d.say("%s\nrunbook, data and evidence: %s", d.story.title, d.dir)
	d.say("dashboard while it runs: %s\n", d.client.URL)
	if err := pauseFor(ctx, 8*time.Second, "three pods of v1 take the traffic; Prometheus learns how they behave", d); err != nil {
		return err
	}
	rel, err := d.client.Start(ctx, demo.Release)
	if err != nil {
		return fmt.Errorf("start release: %w", err)
	}
	d.say("release %s: %d %% of the traffic to v2 (two pods)", rel.ID, rel.Weight)
	if err := pauseFor(ctx, d.runbook.Metrics.Warmup.Std()+7*time.Second, "warm-up, then v2 is compared with v1", d); err != nil {
		return err
	}
	began := time.Now()
	acts, stop := context.WithCancel(ctx)
	defer stop()
	go d.play(acts, began)
	return d.end(ctx, d.follow(ctx, began), began)
}

// play lets the acts happen at their times.
func (d *show) play(ctx context.Context, began time.Time) {
	for _, a := range d.story.acts {
		if gameday.Pause(ctx, time.Until(began.Add(a.after))) != nil {
			return
		}
		if a.candidate != nil {
			d.world.Candidate.Behave(*a.candidate)
		}
		if a.stable != nil {
			d.world.Stable.Behave(*a.stable)
		}
		d.line(time.Since(began), "world", a.says)
	}
}

// errOver means that the story has been watched long enough.
var errOver = errors.New("time is up")

// follow prints each new line of the incident's timeline until the incident ends.
func (d *show) follow(ctx context.Context, began time.Time) error {
	printed, asked := 0, ""
	deadline := began.Add(d.story.watch)
	for time.Now().Before(deadline) {
		if err := gameday.Pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		inc, ok := d.incident(ctx)
		if !ok {
			continue
		}
		for ; printed < len(inc.Timeline); printed++ {
			r := inc.Timeline[printed]
			d.line(r.At.Sub(began), r.Kind, r.Text)
		}
		if inc.Approval != "" && inc.Approval != asked && inc.Phase == record.Awaiting {
			asked = inc.Approval
			d.ask(ctx, inc)
		}
		if inc.Phase == record.Done || inc.Verdict != nil && !inc.EvidenceAt.IsZero() {
			return nil
		}
	}
	return errOver
}

// ask prints the link that the team would get.
func (d *show) ask(ctx context.Context, inc record.Incident) {
	a, err := d.client.Approval(ctx, inc.Approval)
	if err != nil {
		d.say("read approval: %v", err)
		return
	}
	link := report.Link(d.client.URL, d.daemon.Keys.Sign(a))
	d.say("\n  A human is asked. Open the link and type the service's name (ranker):\n  %s\n  or, in another terminal:\n  autorollback approve %s --service ranker --url %s --token %s\n",
		link, a.ID, d.client.URL, d.daemon.Keys.Sign(a))
}

func (d *show) incident(ctx context.Context) (record.Incident, bool) {
	all, err := d.client.Incidents(ctx)
	if err != nil || len(all) == 0 {
		return record.Incident{}, false
	}
	return all[0], true
}

// end prints how it ended and says whether it ended as it must.
func (d *show) end(ctx context.Context, how error, began time.Time) error {
	if how != nil && !errors.Is(how, errOver) {
		return how
	}
	sent, failed := d.world.Traffic.Counts()
	d.say("\n%d requests, %d failed users; the router now follows %v", sent, failed, d.world.Router.Split())
	inc, ok := d.incident(ctx)
	if !ok {
		if d.story.outcome == "" {
			d.say("no incident: the good release was left alone for %s", time.Since(began).Round(time.Second))
			return nil
		}
		return fmt.Errorf("demo: no incident in %s", d.story.watch)
	}
	page := filepath.Join(d.dir, "incidents", inc.ID, "incident.html")
	switch {
	case d.story.outcome == "":
		return fmt.Errorf("demo: a good release caused incident %s: %s", inc.ID, strings.Join(inc.Decision.Reasons, " "))
	case inc.Verdict == nil && inc.Phase == record.Awaiting, inc.Decision.Guard == "approval_expired":
		d.say("nobody approved; nothing was moved")
		return nil
	case inc.Verdict == nil:
		return fmt.Errorf("demo: incident %s is still %s", inc.ID, inc.Phase)
	}
	d.say("verdict: %s: %s\nincident page: %s", inc.Verdict.Outcome, inc.Verdict.Reason, page)
	if inc.Verdict.Outcome != d.story.outcome {
		return fmt.Errorf("demo: the verdict must be %s", d.story.outcome)
	}
	return nil
}

func (d *show) say(format string, args ...any) { fmt.Fprintf(d.console.Out, format+"\n", args...) }

func (d *show) line(at time.Duration, kind, text string) {
	fmt.Fprintf(d.console.Out, "%+8.2fs  %-13s %s\n", at.Seconds(), kind, text)
}

func pauseFor(ctx context.Context, span time.Duration, why string, d *show) error {
	d.say("… %s (%s)", why, span)
	return gameday.Pause(ctx, span)
}
