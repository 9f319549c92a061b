package lifecycle

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// safer is the ramp drafted from the incident of the release before, and its id.
func (s *State) safer(wanted bool) (*runbook.Rollout, string) {
	if !wanted || s.Release == nil || s.Runbook.Rollout == nil {
		return nil, ""
	}
	broke, _ := s.Release.BrokeAt()
	safe := s.Runbook.Rollout.Safer(broke)
	return &safe, s.Release.Incident
}

// shadowObjection says why the recorded shadow verdict is no pass; empty: it is.
func (s State) shadowObjection(stable, candidate record.Side, now time.Time) string {
	switch {
	case s.ShadowProblem != "":
		return fmt.Sprintf("the recorded verdict of %s cannot be read: %s", candidate.Bundle, s.ShadowProblem)
	case s.Shadow == nil:
		return fmt.Sprintf("no report is recorded of candidate bundle %s against the stable bundle %s", candidate.Bundle, stable.Bundle)
	}
	return gateOf(*s.Shadow).Objection(s.Runbook.Service, candidate.Bundle, stable.Bundle, s.Runbook.Shadow.MaxAge.Std(), now)
}

// gateOf is the recorded verdict in the words of package shadow, which judges it.
func gateOf(v record.ShadowVerdict) shadow.Gate {
	return shadow.Gate{
		Schema: shadow.SchemaGate, Service: v.Service, Candidate: v.Candidate, Stable: v.Stable, Verdict: shadow.Verdict(v.Verdict),
		Rule: v.Rule, Reason: v.Reason, Report: v.Report, Recording: v.Recording, At: v.At,
	}
}
