package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// A story is what happens to the model versions, and how it must end.
type story struct {
	title   string
	well    *demo.Behaviour // of a good version; nil: demo.Well
	acts    []act
	outcome record.Outcome // of the verdict; empty: no incident at all
	watch   time.Duration  // how long to go on at most, or, with no incident to come, how long to look for one
}

// An act changes a behaviour some time after the release is under observation.
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

// tellBreach starts the release, lets the story happen and watches it to its end.
func (d *show) tellBreach(ctx context.Context, s story) error {
	if s.well != nil {
		d.world.Stable.Behave(*s.well)
		d.world.Candidate.Behave(*s.well)
	}
	t := d.newNarrator()
	if err := t.pause(ctx, 8*time.Second, "three pods of v1 take the traffic; Prometheus learns how they behave"); err != nil {
		return err
	}
	if err := t.launch(ctx, func(*runbook.Launch) {}); err != nil {
		return err
	}
	if err := t.pause(ctx, d.runbook.Metrics.Warmup.Std()+7*time.Second, "warm-up, then v2 is compared with v1"); err != nil {
		return err
	}
	t.began = time.Now()
	acts := s.acts
	err := t.until(ctx, "the end of the story", s.watch+time.Minute, func() bool {
		for len(acts) > 0 && time.Since(t.began) >= acts[0].after {
			t.play(acts[0])
			acts = acts[1:]
		}
		t.ask(ctx)
		return t.inc.Phase == record.Done || t.ended() || time.Since(t.began) >= s.watch
	})
	if err != nil {
		return err
	}
	return t.end(s)
}

func (t *narrator) play(a act) {
	if a.candidate != nil {
		t.world.Candidate.Behave(*a.candidate)
	}
	if a.stable != nil {
		t.world.Stable.Behave(*a.stable)
	}
	t.printEvent(a.says)
}

// ask prints, once, the link that the team would get.
func (t *narrator) ask(ctx context.Context) {
	if t.inc.Phase != record.Awaiting || t.inc.Approval == "" || t.inc.Approval == t.asked {
		return
	}
	t.asked = t.inc.Approval
	a, err := t.client.Approval(ctx, t.asked)
	if err != nil {
		t.say("read approval: %v", err)
		return
	}
	token := t.daemon.Keys.Sign(a)
	t.say("\n  A human is asked. Open the link and type the service's name (ranker):\n  %s\n  or, in another terminal:",
		report.Link(t.client.URL, token))
	t.say("  echo %s | autorollback approve %s --service ranker --url %s --token-file=-\n", token, a.ID, t.client.URL)
}

// end says whether it ended as it must.
func (t *narrator) end(s story) error {
	switch {
	case t.inc.ID == "" && s.outcome == "":
		t.requests()
		t.say("no incident: the good release was left alone for %s", time.Since(t.began).Round(time.Second))
		return nil
	case t.inc.ID == "":
		return fmt.Errorf("demo: no incident in %s", s.watch)
	case s.outcome == "":
		return fmt.Errorf("demo: a good release caused incident %s: %s", t.inc.ID, strings.Join(t.inc.Decision.Reasons, " "))
	case t.inc.Verdict == nil && t.inc.Phase == record.Awaiting, t.inc.Decision.Guard == record.ApprovalExpired:
		t.requests()
		t.say("nobody approved; nothing was moved")
		return nil
	case t.inc.Verdict == nil:
		return fmt.Errorf("demo: incident %s is still %s", t.inc.ID, t.inc.Phase)
	}
	return t.verdict(s.outcome)
}
