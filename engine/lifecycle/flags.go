package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// A FlagsOn is the flag document of a quarantined bundle as somebody else wrote it, and as it
// must be.
type FlagsOn struct {
	Quarantine record.Quarantine
	Key        record.KeyChange
}

// switchOff switches the flags of quarantined bundles off again where somebody switched them
// on, and pages; or only pages, where the policy says so.
func (s *State) switchOff(now time.Time) {
	s.flagsDrained(now)
	for _, f := range s.FlagsOn {
		q := f.Quarantine
		if s.waits(q) || slices.Contains(s.Write.SwitchOff, f.Key.Key) {
			continue
		}
		left := policy.LeaveFlags(policy.Flags{Runbook: s.Runbook, Control: s.Control, ExternalChange: s.ExternalChange(), Quarantine: q}, now)
		if left != "" && now.Sub(q.NotifiedAt) < policy.Quiet {
			continue
		}
		what := "switched off again"
		if left != "" {
			what = "left as they are: " + left
		} else {
			q.SwitchedOff = append(policy.LastHour(q.SwitchedOff, now), now)
			s.Write.SwitchOff = append(s.Write.SwitchOff, f.Key.Key)
		}
		q.NotifiedAt = now
		s.Write.Quarantine = append(s.Write.Quarantine, q)
		s.Write.Messages = append(s.Write.Messages, report.FlagsOnMsg(q, f.Key, left, s.Runbook, s.Region, now))
		if s.Incident != nil && s.Incident.ID == q.Incident {
			s.note(now, "flags_on", "", fmt.Sprintf("Somebody else changed the flags of the quarantined bundle %s in %s; %s", q.Bundle, f.Key.Key, what))
		}
	}
}

// waits reports whether the flags of a quarantined bundle are still to be switched off for the
// first time.
func (s *State) waits(q record.Quarantine) bool {
	return s.Release != nil && s.Release.FlagsPending() != nil && q.Bundle == s.Release.Candidate.Bundle
}

// flagsDrained switches the candidate's flags off, once nothing reaches it any more, in the
// transaction that takes the pending write off the release. It belongs to a rollback that was
// decided: no pause holds it. Flags that are off already, and a quarantine that was lifted, leave
// nothing to write.
func (s *State) flagsDrained(now time.Time) {
	if s.Release == nil || s.Release.FlagsPending() == nil {
		return
	}
	at := slices.IndexFunc(s.FlagsOn, func(f FlagsOn) bool { return s.waits(f.Quarantine) })
	if at >= 0 {
		if w, due := Due(*s); !due || w.Place != "" {
			return
		}
		s.Write.SwitchOff = append(s.Write.SwitchOff, s.FlagsOn[at].Key.Key)
	}
	w := *s.Release.FlagsPending()
	s.written(Written{Op: w.Op, Place: w.Place}, now)
}

// awaitsDrain reports whether a write waits for the candidate's traffic to end, though the
// verification is over.
func awaitsDrain(s State) bool {
	r, i := s.Release, s.Incident
	return r != nil && i != nil && r.Phase == record.RolledBack && i.DrainedAt.IsZero() && (i.Phase == record.Settled || i.Phase == record.Done) &&
		slices.ContainsFunc(r.Pending, func(w record.DeferredWrite) bool { return w.After == record.AfterApplied })
}

// DocumentsOff are the quarantines whose bundles' flag documents must be off: of those with one
// version the newest, and of a version that a release serves none.
func (s State) DocumentsOff() []record.Quarantine {
	newest := map[string]record.Quarantine{}
	for _, digest := range slices.Sorted(maps.Keys(s.Quarantined)) {
		q := s.Quarantined[digest]
		if q.Version != "" && q.Service == s.Runbook.Service && q.Region == s.Region && !q.At.Before(newest[q.Version].At) {
			newest[q.Version] = q
		}
	}
	var off []record.Quarantine
	for _, q := range newest {
		if q.Bars() && !s.serves(q) {
			off = append(off, q)
		}
	}
	slices.SortFunc(off, func(a, b record.Quarantine) int { return strings.Compare(a.Version, b.Version) })
	return off
}

// serves reports whether the release has given the quarantine's version another meaning: its
// stable side, or a candidate that was not rolled back.
func (s State) serves(q record.Quarantine) bool {
	r := s.release()
	return r.Stable.Version == q.Version || r.Candidate.Version == q.Version && r.Phase != record.RolledBack
}
