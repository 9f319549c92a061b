package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

const (
	straggleAfter = 15 * time.Second // from a rollback here, others may take theirs
	straggleFor   = 24 * time.Hour
)

// straggle notices other regions that have the candidate after it was rolled back here: they do
// not answer, or their own verdict is another. It tells people once of each, and once when it is
// over. It never acts on them.
func (s *State) straggle(now time.Time) {
	i := s.Incident
	if i == nil || i.Change == nil || now.Sub(i.ActedAt) < straggleAfter || now.Sub(i.ActedAt) > straggleFor {
		return
	}
	for _, region := range s.others() {
		why, known := s.straggles(region, now)
		n := slices.IndexFunc(i.Stragglers, func(g record.Straggler) bool { return g.Region == region })
		switch {
		case n < 0 && why != "":
			g := record.Straggler{Region: region, Since: now, Why: record.Truncate(why, record.MaxLine)}
			i.Stragglers = append(i.Stragglers, g)
			s.note(now, "straggler", "", fmt.Sprintf("Rolled back here but not in region %s: %s", region, why))
			s.Write.Messages = append(s.Write.Messages, report.StragglerMsg(*i, s.Runbook, g, now))
		case n >= 0 && why == "" && known && i.Stragglers[n].DoneAt.IsZero():
			i.Stragglers[n].DoneAt = now
			s.note(now, "straggler", "", fmt.Sprintf("Region %s no longer has %s", region, i.Candidate.Version))
			s.Write.Messages = append(s.Write.Messages, report.StragglerDoneMsg(*i, s.Runbook, i.Stragglers[n], now))
		}
	}
}

// others are the service's other regions.
func (s *State) others() []string {
	all := s.Runbook.Beside
	if s.Runbook.Region == "" {
		all = s.Runbook.Regions
	}
	return slices.DeleteFunc(slices.Clone(all), func(region string) bool { return region == s.Region })
}

// straggles says why a region has the candidate, as far as is known; empty and known: it has not.
func (s *State) straggles(region string, now time.Time) (why string, known bool) {
	st, ok := record.StoreOf(s.Stores, region)
	if !ok {
		return "", false
	}
	rel, there := st.Release(s.Runbook.Service, region)
	has := there && rel.Phase != record.RolledBack && rel.Candidate.Bundle == s.Incident.Candidate.Bundle
	lost := st.Lost(now)
	switch {
	case lost != "" && st.At.IsZero():
		return "its store " + lost + "; whether it has " + s.Incident.Candidate.Version + " is not known", false
	case lost != "" && has:
		return fmt.Sprintf("its store %s; it had %s at %v %% then", lost, rel.Candidate.Version, rel.Weight), false
	case lost != "":
		return "", false
	case has:
		return fmt.Sprintf("it has %s at %v %%, by a verdict of its own", rel.Candidate.Version, rel.Weight), true
	}
	return "", true
}
