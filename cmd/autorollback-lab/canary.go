package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

const canaryRollout = `
rollout:
  strategy: canary
  steps: [{weight: 1, for: 6s}, {weight: 5, for: 5s}, {weight: 25, for: 15s}, {weight: 50, for: 5s}, {weight: 100}]
  promote: automatic
  bake: 5s
`

// ramp is the scenario's rollout. A busy machine needs longer to prove that v3 fails at 25 %.
func (t scenario) ramp() string {
	if t.busy {
		return strings.Replace(t.rollout, "{weight: 25, for: 15s}", "{weight: 25, for: 40s}", 1)
	}
	return t.rollout
}

// tellCanary is a good release that climbs to the end by itself, and one that turns bad
// on its way.
func (d *show) tellCanary(ctx context.Context) error {
	t := d.newNarrator()
	if err := t.pause(ctx, 4*time.Second, "three pods of v1 take the traffic"); err != nil {
		return err
	}
	if err := t.launch(ctx, func(l *runbook.Launch) { l.Weight = 1 }); err != nil {
		return err
	}
	if err := t.until(ctx, "v2 to be proved", 4*time.Minute, func() bool { return t.release.Phase == record.Closed }); err != nil {
		return err
	}
	if t.inc.ID != "" {
		return errors.New("demo: a good release caused an incident")
	}
	t.printEvent("v2 is the last known good now. The next release: v3")
	if err := t.launch(ctx, func(l *runbook.Launch) { afterNext(l); l.Weight = 1 }); err != nil {
		return err
	}
	if err := t.until(ctx, "v3 to have 25 %", 2*time.Minute, func() bool { return t.release.Weight == 25 }); err != nil {
		return err
	}
	bad := demo.Well
	bad.Errors = 0.4
	turnBad(t.next, bad)
	t.printEvent("v3 fails in the middle of its ramp: 40 % of its answers are errors")
	return t.rolledBack(ctx, 5*time.Minute)
}
