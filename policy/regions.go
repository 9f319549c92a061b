package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Elsewhere are the automatic rollbacks in stores other than the region's own. One that does
// not answer has spent all there is.
func Elsewhere(stores []record.StoreState, region string, now time.Time) []record.Spending {
	var all []record.Spending
	for _, st := range stores {
		if st.Has(region) {
			continue
		}
		s := record.Spending{Regions: slices.Clone(st.Regions), Recent: slices.Clone(st.Budget.Recent), Lost: st.Lost(now)}
		all = append(all, s)
	}
	return all
}

// BrakeWindow is within which breaches in several regions are at once.
const BrakeWindow = 30 * time.Minute

// Brake says why promotion stops everywhere: a breach was confirmed in several regions at once.
// newest is the moment of the newest of these breaches. An empty text means that it does not.
func Brake(stores []record.StoreState, now time.Time) (why string, newest time.Time) {
	where := map[string][]string{}
	for _, st := range stores {
		for _, r := range st.Releases {
			if r.BreachedAt.IsZero() || now.Sub(r.BreachedAt) > BrakeWindow {
				continue
			}
			where[r.Region] = append(where[r.Region], r.Service)
			if r.BreachedAt.After(newest) {
				newest = r.BreachedAt
			}
		}
	}
	if len(where) < 2 {
		return "", time.Time{}
	}
	var parts []string
	for region, services := range where {
		slices.Sort(services)
		parts = append(parts, region+" ("+strings.Join(slices.Compact(services), ", ")+")")
	}
	slices.Sort(parts)
	return fmt.Sprintf("several regions breach at once: %s; promotion stops everywhere until a human resumes it.", strings.Join(parts, ", ")), newest
}

// quarantinedElsewhere says that another region rolled a bundle back; empty: none is known to.
func quarantinedElsewhere(stores []record.StoreState, region, bundle string) string {
	for _, st := range stores {
		if q, barred := st.Quarantined[bundle]; barred && !st.Has(region) {
			return fmt.Sprintf("bundle %s is quarantined in region %s by incident %s (%s)", bundle, st.Name(), q.Incident, q.Reason)
		}
	}
	return ""
}

// A Turn is whether a region's turn has come in a release that goes through several.
type Turn string

const (
	TurnWaits Turn = "waiting"
	TurnNow   Turn = "now"
	TurnNever Turn = "never" // the region before was rolled back
)

// RegionTurn says whether a region may start its release of a plan, where before is what is
// known of the region that it waits for, and why not.
func RegionTurn(before record.Release, lost string, stores []record.StoreState, now time.Time) (Turn, string) {
	if before.Phase == record.RolledBack { // for ever, whatever its store says now
		return TurnNever, fmt.Sprintf("%s was rolled back in %s: it is never started here", before.Candidate.Version, before.Region)
	}
	if lost != "" {
		return TurnWaits, fmt.Sprintf("waits for %s, whose store %s", before.Region, lost)
	}
	if before.Phase != record.Closed {
		return TurnWaits, fmt.Sprintf("waits for %s to be proved in %s, where it has %v %%", before.Candidate.Version, before.Region, before.Weight)
	}
	if why, _ := Brake(stores, now); why != "" {
		return TurnWaits, "waits: " + why
	}
	return TurnNow, ""
}

// RefuseRegions says why a release may not go through these regions, in their order; empty: it may.
// One region alone always may. progress is how far the releases before it have come.
func RefuseRegions(rb *runbook.Runbook, regions []string, progress []view.Progress) string {
	if len(regions) < 2 {
		return ""
	}
	if rb.Rollout == nil {
		return fmt.Sprintf("the runbook of %s has no section rollout, so no release of it is ever proved, and %s would never start: add the section, or start each region by name: --region %s",
			rb.Service, strings.Join(regions[1:], ", "), regions[0])
	}
	for _, p := range progress {
		for _, step := range p.Steps {
			if p.Service == rb.Service && step.State == view.StandWaiting {
				return fmt.Sprintf("the rollout of %s through its regions has not reached %s (%s), and never would: let it finish, roll it back, or start each region by name: --region %s",
					p.Version, step.Region, step.Text, regions[0])
			}
		}
	}
	return ""
}
