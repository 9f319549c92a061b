package runbook

import (
	"fmt"
	"strings"
)

// A climb is one row of the page's ramp.
type climb struct{ Share, Stay, Next string }

// Strategy says in a sentence how the candidate comes to all of the traffic, and who
// takes the steps.
func (p rendered) Strategy() string {
	o := p.R.Rollout
	who := map[string]string{
		PromoteAutomatic: "The daemon takes each next step by itself.",
		PromoteAsk:       fmt.Sprintf("An approver (%s) is asked before each next step; silence is never a yes.", strings.Join(p.R.Policy.Approvers, ", ")),
		PromoteManual:    "A human takes each next step with `release promote`.",
	}[o.Promote]
	if o.Strategy == BlueGreen {
		return "Blue and green: start the release with `weight: 0`; `release flip`, always a human's word, moves the traffic once green is warm. " + who
	}
	return "Canary: its first share is in the release file, and always a human's word. " + who
}

// Steps are the rows of the ramp.
func (p rendered) Steps() []climb {
	o, r := p.R.Rollout, p.R
	var rows []climb
	if o.Strategy == BlueGreen {
		rows = append(rows, climb{"0 %", "until it is warm", p.pods(max(r.Policy.MinCandidatePods, r.LastKnownGood.MinPods))})
	}
	ramp := o.Ramp()
	for n, step := range ramp {
		row := climb{fmt.Sprintf("%d %%", step.Weight), step.For.String(), ""}
		switch {
		case n == len(ramp)-1:
			row.Next = "it counts as proved: the last known good"
		case ramp[n+1].Weight == 100 || o.Strategy == BlueGreen:
			row.Next = p.pods(max(r.Policy.MinCandidatePods, r.LastKnownGood.MinPods))
		default:
			row.Next = p.pods(r.Policy.MinCandidatePods)
		}
		if n == len(ramp)-1 && step.For == 0 {
			row.Stay = "-"
		}
		rows = append(rows, row)
	}
	return rows
}

func (p rendered) pods(n int) string {
	if n = max(1, n); n > 1 {
		return fmt.Sprintf("%d pods of the candidate ready", n)
	}
	return "1 pod of the candidate ready"
}
