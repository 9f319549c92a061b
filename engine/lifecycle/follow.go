package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/verify"
)

// A business metric that could not be proved within the verification is followed
// until it can: asked every followEvery, for followFor at most, or until the target's
// next release begins.
const (
	followEvery = 5 * time.Minute
	followFor   = 24 * time.Hour
)

// follows reports whether the recovered incident still owes a word about business.
func follows(s State) bool {
	i := s.Incident
	return i != nil && i.Phase == record.Done && i.Verdict != nil && i.Verdict.Outcome == record.Recovered &&
		len(i.Unproved) > 0 && i.Business == nil &&
		s.Release != nil && s.Release.Incident == i.ID && s.Release.Phase == record.RolledBack
}

// followed takes one look at what was not proved in time.
func (s *State) followed(ev KPIPolled, now time.Time) {
	i := s.Incident
	if !follows(*s) || now.Sub(i.PolledAt) < followEvery*9/10 {
		return
	}
	var owed []record.Answer
	for _, a := range ev.Answers {
		if slices.Contains(i.Unproved, a.Question) {
			owed = append(owed, a)
		}
	}
	health, why := verify.Judge(owed)
	pending := questions(verify.Pending(owed))
	i.PolledAt = now
	v := record.Verdict{At: now, Reason: why, Answers: owed}
	switch {
	case health == record.Bad:
		v.Outcome = record.NotRecovered
	case len(owed) > 0 && len(pending) == 0:
		v.Outcome = record.Recovered
	case now.Sub(i.ActedAt) >= followFor:
		v.Outcome = record.CannotTell
	default:
		return
	}
	i.Business = &v
	s.note(now, "business", "", fmt.Sprintf("%s: %s", v.Outcome, v.Reason))
	s.tell(report.BusinessMsg, now)
}
