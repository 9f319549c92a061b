package policy

import (
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A question needs somebody who may act on its answer: where nothing may be written, or an
// incident stands already, bad checks only stop the ramp.
func TestChecksAskOnlyWhereARollbackIsPossible(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		want   record.Action
	}{
		"armed":                     {func(*Input) {}, record.Ask},
		"armed, control says so":    {func(in *Input) { in.Control.Mode = runbook.Active }, record.Ask},
		"the runbook observes":      {func(in *Input) { in.Runbook.Policy.Mode = runbook.Observe }, record.Freeze},
		"paused":                    {func(in *Input) { in.Control.Mode = runbook.Paused }, record.Freeze},
		"an incident is open":       {func(in *Input) { in.Incident = &record.Incident{} }, record.Freeze},
		"the split was changed":     {func(in *Input) { in.ExternalChange = true }, record.Freeze},
		"the release is held":       {func(in *Input) { in.Release.Held = &record.HumanHold{} }, record.Freeze},
		"the router is unwriteable": {func(in *Input) { in.Router = "two types" }, record.Freeze},
	} {
		in := severe()
		c.change(&in)
		if d := Checks(in, "pairing: bad", noon); d.Action != c.want || d.Guard != GuardChecks || !d.Page {
			t.Errorf("%s: %+v, want %s", name, d, c.want)
		}
	}
}
