package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// maxPlanned bounds the ids of region plans that a release remembers.
const maxPlanned = 20

// plan is the region plan of a launch with its id. One that was started here already is refused:
// its release may be long over.
func (s *State) plan(asked *record.RegionPlan) (*record.RegionPlan, error) {
	if asked == nil {
		return nil, nil
	}
	p := *asked
	if p.ID == "" {
		p.ID = "plan-" + derive(s.Op, "regions")
	}
	if s.Planned(p.ID) {
		return nil, fmt.Errorf("start %s of %s in %s: %w: it was started here already", p.ID, s.Runbook.Service, s.Region, runbook.ErrConflict)
	}
	return &p, nil
}

// Planned reports whether the region has started its release of a plan.
func (s State) Planned(plan string) bool {
	return s.Release != nil && slices.Contains(s.Release.Planned, plan)
}

// releaseID is the id of the release that starts, which of a plan there can be only one of here;
// and the plans that were started here then.
func (s *State) releaseID(plan *record.RegionPlan) (id string, planned []string) {
	if s.Release != nil {
		planned = slices.Clone(s.Release.Planned)
	}
	if plan == nil {
		return "rel-" + derive(s.Op, "release"), planned
	}
	planned = append(planned, plan.ID)
	return "rel-" + derive(plan.ID, s.Region), planned[max(0, len(planned)-maxPlanned):]
}

// brake freezes the release while several regions breach at once, until a human resumes it.
func (s *State) brake(now time.Time) {
	if !s.Open() || s.Release.Frozen != "" {
		return
	}
	why, newest := policy.Brake(s.Stores, now)
	if why == "" || !newest.After(s.Release.BrakedAt) {
		return
	}
	s.Release.Frozen, s.Release.BrakedAt = why, newest
	s.Write.Messages = append(s.Write.Messages, report.BrakeMsg(*s.Release, s.Runbook, now))
}
