package lifecycle

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/test/fixture"
)

// After a question that nobody answered, too: it waits for the significance, not for ever.
func TestAnExpiredQuestionWaitsForTheSignificance(t *testing.T) {
	unjudged := fixture.Breach("slowish", record.Unreachable)
	unjudged.Significance = record.Significance{Problem: "its significance is not known yet"}
	unjudged.Problem = unjudged.Significance.Problem
	for _, c := range []struct {
		name  string
		after time.Duration
		then  record.Breach
		want  record.Phase
	}{
		{"known in time", time.Minute, fixture.Breach("slowish", record.Breaching), record.Acted},
		{"known, and over", time.Minute, fixture.Breach("slowish", record.NotBreaching), record.HeldPhase},
		{"still not known", time.Minute, unjudged, record.Awaiting},
		{"not known at all", policy.Quiet, unjudged, record.HeldPhase},
		{"Prometheus is away", time.Minute, fixture.Breach("slowish", record.Unreachable), record.HeldPhase},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := playOf(t, "rollback")
			p.launch()
			p.breach("slowish")
			p.after(31 * time.Minute).must(Tick{})
			if s := p.must(p.asked(unjudged)); s.Incident.Phase != record.Awaiting {
				t.Fatalf("incident is %s", s.Incident.Phase)
			}
			p.after(c.after)
			if s := p.must(p.asked(c.then)); s.Incident.Phase != c.want {
				t.Errorf("incident is %s, want %s", s.Incident.Phase, c.want)
			}
		})
	}
}

// The companion of a side without data is held for what it says, not as a stranger.
func TestTheCompanionIsHeldAsBlind(t *testing.T) {
	p := playOf(t, "page")
	p.launch()
	s := p.must(p.asked(fixture.Breach(rules.BlindTrigger, record.NoData)))
	if s.Incident.Phase != record.HeldPhase || s.Incident.Decision.Guard != policy.GuardBlind {
		t.Errorf("incident is %s, decision %+v", s.Incident.Phase, s.Incident.Decision)
	}
}
