package program

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// missed says that a release is not where somebody waits for it.
var missed = map[string]string{forStep: "no further step", forProved: "not proved", forPaused: "not paused", forRolledBack: "not rolled back"}

// comes says whether a release is where somebody waits for it, or can never come there any more, and why.
// first is the release when the waiting began.
func comes(goal string, first, rel record.Release, control record.Control, now time.Time) (met, over bool, why string) {
	switch {
	case rel.ID != first.ID:
		return false, true, fmt.Sprintf("%s is followed by %s", first.ID, rel.ID)
	case rel.Phase == record.RolledBack:
		return goal == forRolledBack, goal != forRolledBack, "rolled back to " + rel.Stable.Version + incidentOf(rel)
	case rel.Phase == record.Closed:
		met = goal == forProved || goal == forStep
		return met, !met, rel.Candidate.Version + " is proved"
	case goal == forStep && rel.Weight > first.Weight:
		return true, false, fmt.Sprintf("%v %% to %s", rel.Weight, rel.Candidate.Version)
	case goal == forPaused:
		why = halted(rel)
		if why == "" && control.Mode == runbook.Paused && (control.Until.IsZero() || now.Before(control.Until)) {
			why = "automation is paused"
		}
		return why != "", false, why
	}
	return false, false, ""
}

func incidentOf(rel record.Release) string {
	if rel.Incident == "" {
		return ""
	}
	return "; see: autorollback incident show " + rel.Incident
}

// halted says what stops a ramp until somebody lets it continue; empty: nothing.
func halted(rel record.Release) string {
	switch {
	case rel.Held != nil:
		return fmt.Sprintf("held: somebody changed the split to %v", rel.Held.Found)
	case rel.Stopped != nil:
		return fmt.Sprintf("stopped by %s: %s", rel.Stopped.By, rel.Stopped.Reason)
	case rel.Frozen != "":
		return "frozen: " + rel.Frozen
	}
	return ""
}
