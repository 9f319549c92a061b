package record

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A RegionPlan is the regions that a release goes through, one after the other: each waits for
// the one before to be proved. Each region's release has it.
type RegionPlan struct {
	ID      string         `json:"id"` // from which the release's id in each region is derived
	Regions []string       `json:"regions"`
	Launch  runbook.Launch `json:"launch"` // what was ordered
	Caller
}

// Before is the region that a region waits for; false: it is the first, or not of the plan.
func (p RegionPlan) Before(region string) (string, bool) {
	if n := slices.Index(p.Regions, region); n > 0 {
		return p.Regions[n-1], true
	}
	return "", false
}

// StoreFresh is how old the newest answer of a region's store may be. What is older is not known.
const StoreFresh = 15 * time.Second

// A StoreState is what the store of one or several regions said when it was last read, as far
// as other regions rest on it.
type StoreState struct {
	Regions     []string              // whose store it is; empty: of all
	At          time.Time             // when it last answered; zero: never
	Problem     string                // why it did not answer the last time; empty: it did
	Budget      Budget                // of automatic rollbacks
	Releases    []Release             // the newest of each service and region
	Quarantined map[string]Quarantine // those in force, by the bundle's digest
	Pending     []PendingRollback     // about regions whose stores did not answer
}

// Has reports whether it is the store of that region.
func (s StoreState) Has(region string) bool {
	return len(s.Regions) == 0 || slices.Contains(s.Regions, region)
}

// Name names the regions for people.
func (s StoreState) Name() string { return strings.Join(s.Regions, " and ") }

// Lost says since when and why nothing is known of the store; empty: it answered just now.
func (s StoreState) Lost(now time.Time) string {
	switch {
	case now.Sub(s.At) <= StoreFresh:
		return ""
	case s.At.IsZero():
		return "has not answered yet: " + s.problem()
	}
	return fmt.Sprintf("has not answered since %s UTC: %s", s.At.UTC().Format(time.TimeOnly), s.problem())
}

func (s StoreState) problem() string {
	if s.Problem == "" {
		return "it was not asked"
	}
	return Truncate(s.Problem, MaxValue)
}

// Release is the newest release of a service in a region, as far as is known.
func (s StoreState) Release(service, region string) (Release, bool) {
	n := slices.IndexFunc(s.Releases, func(r Release) bool { return r.Service == service && r.Region == region })
	if n < 0 {
		return Release{}, false
	}
	return s.Releases[n], true
}

// StoreOf is the state of a region's store; false: no store is known of that region.
func StoreOf(stores []StoreState, region string) (StoreState, bool) {
	n := slices.IndexFunc(stores, func(s StoreState) bool { return s.Has(region) })
	if n < 0 {
		return StoreState{}, false
	}
	return stores[n], true
}
