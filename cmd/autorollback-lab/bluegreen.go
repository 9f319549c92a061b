package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/runbook"
)

// tellBlueGreen flips to green, and green turns bad while it bakes.
func (d *show) tellBlueGreen(ctx context.Context) error {
	t := d.newNarrator()
	if err := t.flip(ctx, func(*runbook.Launch) {}); err != nil {
		return err
	}
	t.turnsBad("bluegreen")
	return t.rolledBack(ctx, 5*time.Minute)
}

// tellEncoder flips to green with a new encoder, which costs conversions. What the model
// servers counted says whether any model ever worked on another one's features.
func (d *show) tellEncoder(ctx context.Context) error {
	t := d.newNarrator()
	flagged := func(l *runbook.Launch) {
		l.Stable.Bundle.Flags["new_encoder"], l.Candidate.Bundle.Flags["new_encoder"] = false, true
	}
	if err := t.flip(ctx, flagged); err != nil {
		return err
	}
	t.turnsBad("encoder")
	if err := t.rolledBack(ctx, 6*time.Minute); err != nil {
		return err
	}
	t.say("pairs that the model servers served: %s", demo.SayPairs(t.world.Pairs()))
	if n := t.world.Mixed(); n > 0 {
		return fmt.Errorf("demo: %d answers of a mixed pair", n)
	}
	t.say("no answer was given by a model on features that it was not trained with")
	return t.flags(ctx)
}

// turnsBad has green behave as the story says.
func (t *narrator) turnsBad(story string) {
	f := demo.Flips()[story]
	turnBad(t.world.Candidate, f.Bad)
	t.printEvent(f.Says)
}

// flip puts green beside blue without traffic, and moves the traffic by a human's word.
func (t *narrator) flip(ctx context.Context, change func(*runbook.Launch)) error {
	if err := t.pause(ctx, 4*time.Second, "blue, three pods of v1, takes the traffic"); err != nil {
		return err
	}
	if err := t.launch(ctx, func(l *runbook.Launch) { l.Weight = 0; change(l) }); err != nil {
		return err
	}
	var err error
	flipped := func() bool {
		_, err = t.client.Flip(ctx, "ranker", runbook.DefaultRegion)
		return err == nil
	}
	if late := t.until(ctx, "green to be warm", 2*time.Minute, flipped); late != nil {
		return fmt.Errorf("%w; %w", late, err)
	}
	t.printEvent("a human flips, once green is seen to be warm: autorollback release flip ranker")
	return t.pause(ctx, t.runbook.Metrics.Warmup.Std()+7*time.Second, "warm-up, then green is compared with blue's holdback")
}

// flags prints what each version's servers read now: the candidate's must say that it
// serves nobody.
func (t *narrator) flags(ctx context.Context) error {
	snap, err := t.daemon.Store.Read(ctx, t.runbook.Routing.Flags)
	if err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	for _, e := range snap.Entries {
		t.say("flags of %s: %s", strings.TrimPrefix(e.Key, t.runbook.Routing.Flags), e.Value)
		var doc struct{ Serving bool }
		if err := json.Unmarshal(e.Value, &doc); err != nil {
			return fmt.Errorf("read %s: %w", e.Key, err)
		}
		stable := strings.HasSuffix(e.Key, "/"+t.release.Stable.Version)
		if doc.Serving != stable {
			return fmt.Errorf("demo: %s says serving %v", e.Key, doc.Serving)
		}
	}
	return nil
}
