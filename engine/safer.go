package engine

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// noSafer says why no safer ramp can be drafted for a release that starts with that
// weight; empty: it can.
func (s *State) noSafer(weight int) string {
	switch {
	case s.Runbook.Rollout == nil:
		return "the runbook has no section rollout, so there is no ramp to make safer"
	case s.Release == nil:
		return "there was no release before: --safer drafts its ramp from an incident"
	}
	broke, ok := s.Release.BrokeAt()
	if !ok {
		return fmt.Sprintf("the last release of %s in %s was not rolled back: --safer drafts its ramp from an incident", s.Runbook.Service, s.Region)
	}
	if safe := s.Runbook.Rollout.Safer(broke); weight > safe.Steps[0].Weight {
		return fmt.Sprintf("the safer ramp begins at %d %% and the release file asks for %d %%: write `weight: %d` or less", safe.Steps[0].Weight, weight, safe.Steps[0].Weight)
	}
	return ""
}

// safer is the ramp drafted from the incident of the release before, and its id.
func (s *State) safer(wanted bool) (*runbook.Rollout, string) {
	if !wanted || s.Release == nil || s.Runbook.Rollout == nil {
		return nil, ""
	}
	broke, _ := s.Release.BrokeAt()
	safe := s.Runbook.Rollout.Safer(broke)
	return &safe, s.Release.Incident
}
