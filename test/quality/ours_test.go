package quality

import (
	"testing"
	"time"
)

const harmInAGap = `
name: harm-in-a-gap
kind: bad
onset: 62m
rates: [200]
hours: 2
gaps: [{from: 60m, lasts: 20m}]
changes:
  - {side: candidate, harm: true, lasts: 17m, errors: 0.2}
`

// While the daemon is silent nothing fires; it makes up for the gap afterwards, so that
// what happened in it counts, as long as the effect is still there.
func TestASilentDaemonMakesUpForTheGap(t *testing.T) {
	s, err := ParseScenario("gap.yaml", []byte(harmInAGap))
	if err != nil {
		t.Fatal(err)
	}
	shape := GeneratedShape(evaluation)
	judges, err := Judges(Runbook(shape), shape, false)
	if err != nil {
		t.Fatal(err)
	}
	trace, _ := Generate(s, shape, 1, 2*time.Hour)
	got := Decide(trace, shape, judges[:1])[Ours]
	if want := 80 * time.Minute; got.At != want || got.Trigger == "" {
		t.Errorf("%q at %s, want something at %s, when the daemon is back", got.Trigger, got.At, want)
	}
}
