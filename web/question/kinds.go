package question

import (
	"fmt"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/runbook"
)

var rollback = kind{
	heading: func(q Question) string {
		return fmt.Sprintf("Roll %s back to %s?", q.Candidate().Version, q.Stable().Version)
	},
	yes: func(Question) string { return "Roll back" },
	no:  func(q Question) string { return "Keep " + q.Candidate().Version },
	silence: func(q Question) string {
		if q.Runbook != nil && policy.RollsBackUnanswered(q.Runbook, q.Incident.Decision) {
			return q.Candidate().Version + " is rolled back, if the trigger still breaches then and nothing objects"
		}
		return "nothing moves, and people are paged again"
	},
	does: "Moves all traffic to the stable version in one transaction, and quarantines the candidate bundle.",
}

var step = kind{
	heading: func(q Question) string {
		from, to := q.step()
		switch candidate := q.Candidate().Version; {
		case from == 0 && to == 100:
			return fmt.Sprintf("Flip all traffic from %s to %s?", q.Stable().Version, candidate)
		case from == 0:
			return fmt.Sprintf("Start %s with %v %% of the traffic?", candidate, to)
		case to == 100:
			return fmt.Sprintf("Give %s all traffic, from %v %%?", candidate, from)
		default:
			return fmt.Sprintf("Take %s from %v %% to %v %%?", candidate, from, to)
		}
	},
	yes: func(q Question) string {
		switch from, to := q.step(); {
		case from == 0 && to == 100:
			return "Flip"
		case to == 100:
			return "Give it all"
		default:
			return fmt.Sprintf("Give it %v %%", to)
		}
	},
	no:      func(q Question) string { from, _ := q.step(); return fmt.Sprintf("Stay at %v %%", from) },
	silence: func(q Question) string { from, _ := q.step(); return fmt.Sprintf("the ramp waits at %v %%", from) },
	does:    "Takes the next step of the ramp in one transaction, if nothing objects at that moment. A breach still takes the candidate to 0 %.",
}

var split = kind{
	heading: func(q Question) string {
		if h := q.Live.Release.Held; h != nil {
			return fmt.Sprintf("Let %s continue at %v %%?", q.Candidate().Version, h.Found[q.Candidate().Backend])
		}
		return fmt.Sprintf("Let %s continue?", q.Candidate().Version)
	},
	yes:     func(Question) string { return "Let it continue" },
	no:      func(Question) string { return "Keep holding" },
	silence: func(Question) string { return "the release stays held, and nothing is moved" },
	does:    "Lets the release continue with the split that somebody else set. Automation acts on it again.",
}

// step is the candidate's share before and after the step.
func (q Question) step() (from, to runbook.Weight) {
	backend := q.Candidate().Backend
	return q.Live.Plan.From[backend], q.Live.Plan.To[backend]
}
