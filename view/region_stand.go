package view

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A RegionStand is how a service stands in one region, for people.
type RegionStand struct {
	Region   string         `json:"region"`
	Lost     string         `json:"lost,omitempty"` // why what is said may be old; empty: its store answers
	State    string         `json:"state"`          // open, proved, rolled_back, waiting, never, none or unknown
	Release  string         `json:"release,omitempty"`
	Version  string         `json:"version,omitempty"` // of the candidate
	Weight   runbook.Weight `json:"weight"`            // the candidate's wanted share
	Incident string         `json:"incident,omitempty"`
	Verdict  string         `json:"verdict,omitempty"` // of that incident
	Text     string         `json:"text,omitempty"`    // why it waits, or was not started
}

// A Progress is how far a release has come that goes through several regions.
type Progress struct {
	Service string        `json:"service"`
	Plan    string        `json:"plan"`
	Version string        `json:"version"` // of the candidate
	Steps   []RegionStand `json:"steps"`   // in the order of the plan
}

// The states of a [RegionStand] that are no phase of a release.
const (
	StandProved  = "proved"
	StandWaiting = "waiting"
	StandNever   = "never" // the region before was rolled back
	StandNone    = "none"  // no release is known
	StandUnknown = "unknown"
)

// StandOf is how a service stands in a region, by what is known of its store.
func StandOf(stores []record.StoreState, service, region string, now time.Time) RegionStand {
	s := RegionStand{Region: region, State: StandUnknown}
	st, known := record.StoreOf(stores, region)
	if !known {
		s.Lost = "no store is known of it"
		return s
	}
	s.Lost = st.Lost(now)
	rel, there := st.Release(service, region)
	switch {
	case there:
		s.of(rel)
	case s.Lost == "":
		s.State = StandNone
	}
	return s
}

func (s *RegionStand) of(rel record.Release) {
	s.State, s.Release, s.Version, s.Weight, s.Incident = string(rel.Phase), rel.ID, rel.Candidate.Version, rel.Weight, rel.Incident
	if rel.Phase == record.Closed {
		s.State = StandProved
	}
	if s.Text = rel.Frozen; s.Text == "" {
		s.Text = rel.Waiting
	}
}

// ProgressOf is how far the newest region plan of each service has come, where it is not over
// in all of its regions.
func ProgressOf(stores []record.StoreState, now time.Time) []Progress {
	newest := map[string]record.Release{} // the first region's release of each service's newest plan
	for _, st := range stores {
		for _, rel := range st.Releases {
			if p := rel.Regions; p != nil && !newest[rel.Service].StartedAt.After(rel.StartedAt) {
				newest[rel.Service] = rel
			}
		}
	}
	var all []Progress
	for service, rel := range newest {
		p := Progress{Service: service, Plan: rel.Regions.ID, Version: rel.Candidate.Version}
		for n, region := range rel.Regions.Regions {
			s := planned(StandOf(stores, service, region, now), stores, *rel.Regions)
			if n > 0 && s.Release == "" {
				s.waits(p.Steps[n-1])
			}
			p.Steps = append(p.Steps, s)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Progress) int {
		if a.Service < b.Service {
			return -1
		}
		return 1
	})
	return all
}

// planned leaves out of a stand what is not of the plan: a release of before.
func planned(s RegionStand, stores []record.StoreState, plan record.RegionPlan) RegionStand {
	st, _ := record.StoreOf(stores, s.Region)
	rel, there := st.Release(plan.Launch.Service, s.Region)
	if there && (rel.Regions != nil && rel.Regions.ID == plan.ID || slices.Contains(rel.Planned, plan.ID)) {
		return s
	}
	return RegionStand{Region: s.Region, Lost: s.Lost, State: StandWaiting}
}

// waits says what a region waits for that has no release of the plan.
func (s *RegionStand) waits(before RegionStand) {
	switch {
	case before.State == string(record.RolledBack) || before.State == StandNever:
		s.State, s.Text = StandNever, fmt.Sprintf("%s was rolled back or never started: it is not started here", before.Region)
	case before.State == StandProved && s.Lost == "":
		s.Text = before.Region + " is proved: it starts"
	case before.Lost != "" && before.State != StandProved:
		s.Text = "waits for " + before.Region + ", whose store " + before.Lost
	default:
		s.Text = "waits for " + before.Region + " to be proved"
	}
}
