package lifecycle

import (
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A pending write is carried out when its turn has come, and never while somebody else's split is
// in force.
func TestDue(t *testing.T) {
	write := record.DeferredWrite{Op: "op-1", Place: "elsewhere"}
	later := write
	later.After = record.AfterApplied
	split := later
	split.Ours = []record.Split{{"ranker-v1": 80, "ranker-v2": 20}}
	for name, c := range map[string]struct {
		pending []record.DeferredWrite
		change  func(*State)
		want    bool
	}{
		"nothing is pending":         {nil, func(*State) {}, false},
		"at once":                    {[]record.DeferredWrite{write}, func(*State) {}, true},
		"after what is not so":       {[]record.DeferredWrite{later}, func(*State) {}, false},
		"after what is so":           {[]record.DeferredWrite{later}, func(s *State) { s.Release.Applied = applied20(s) }, true},
		"after a split that is not":  {[]record.DeferredWrite{later, split}, func(s *State) { s.Release.Applied = applied20(s) }, false},
		"while a human holds it":     {[]record.DeferredWrite{write}, func(s *State) { s.Release.Held = &record.HumanHold{} }, false},
		"over somebody else's split": {[]record.DeferredWrite{write}, func(s *State) { s.Split = record.Split{"ranker-v1": 50, "ranker-v2": 50} }, false},
		"no split can be read":       {[]record.DeferredWrite{write}, func(s *State) { s.Split, s.PlanProblem = nil, "not JSON" }, false},
		"no release":                 {[]record.DeferredWrite{write}, func(s *State) { s.Release = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := rampOf(t, runbook.PromoteAutomatic)
			p.launch()
			p.must(Tick{})
			p.s.Release.Pending = c.pending
			c.change(&p.s)
			if w, due := Due(p.s); due != c.want {
				t.Errorf("due: %t, %+v", due, w)
			}
		})
	}
}

// applied20 is that every instance has shown the split.
func applied20(s *State) *record.Applied {
	a := *s.Release.Applied
	a.AppliedAt = a.ReadBackAt
	return &a
}

// While the router's split is still to be written, the one before it is what is read: that is no
// reading back of the change.
func TestAPendingSplitIsNotReadBack(t *testing.T) {
	p := rampOf(t, runbook.PromoteAutomatic)
	p.launch()
	old := p.s.Split.Clone()
	p.s.Release.Pending = []record.DeferredWrite{{Op: "op-1", Place: "elsewhere", Ours: []record.Split{old, p.s.Release.Want()}}}
	if p.must(Tick{}); p.s.Release.ReadBack() {
		t.Errorf("read back: %+v", p.s.Release.Applied)
	}
	if p.must(Written{Op: "op-1", Place: "elsewhere"}); !p.s.Release.ReadBack() || p.s.Release.Pending != nil {
		t.Errorf("written, and not read back: %+v, %+v", p.s.Release.Applied, p.s.Release.Pending)
	}
}
