package demo

import (
	"testing"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/runbook"
)

// Every scenario expects triggers that the drill's runbook has.
func TestDrillRunbookHasTheScenariosTriggers(t *testing.T) {
	all, err := gameday.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	rb, err := runbook.Parse("drill.yaml", DrillRunbook())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, s := range all {
		for _, name := range s.Expect.Triggers {
			seen++
			if _, ok := rb.Trigger(name); !ok {
				t.Errorf("%s expects trigger %s, which the runbook does not have", s.Name, name)
			}
		}
	}
	if seen < len(all)/2 {
		t.Errorf("only %d triggers in %d scenarios", seen, len(all))
	}
}
