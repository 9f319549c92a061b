package policy

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What the daemon would have done outlives the order of a human who did it.
func TestWhatWasObservedIsKept(t *testing.T) {
	at := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	in := Input{Runbook: &runbook.Runbook{}, Incident: &record.Incident{Decision: record.Decision{Action: record.Hold, Would: record.RollBack, Guard: GuardObserve, At: at}}}
	if d := Recorded(in).Incident.Decision; d.Would != record.RollBack || !d.At.Equal(at) {
		t.Errorf("kept: %+v", d)
	}
}
