package engine

import (
	"github.com/autorollback/autorollback/runbook"
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
