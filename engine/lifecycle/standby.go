package lifecycle

import (
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// probed writes down what the probes of the last known good found, and tells people once that no
// rollback is possible, and once that it is over.
func (s *State) probed(ev StandbyProbed, now time.Time) {
	if !s.Open() || ev.Release != s.Release.ID {
		return
	}
	before := s.Release.Standby
	next, changed := NextStandby(before, ev, now)
	if !changed {
		return
	}
	s.Release.Standby = &next
	switch {
	case next.Notified() && !before.Notified():
		s.note(now, "no_rollback", "", s.Release.NoRollback())
		s.Write.Messages = append(s.Write.Messages, report.NoRollbackMsg(*s.Release, s.Runbook, now))
	case before.Notified() && !next.Notified():
		s.note(now, "no_rollback_ended", "", "A rollback is possible again")
		s.Write.Messages = append(s.Write.Messages, report.NoRollbackEndedMsg(*s.Release, s.Runbook, now))
	}
}

// NextStandby is the standby on record after a probe; false: it stays as it is. What is told is
// not told again within [policy.Quiet], so that a pod which comes and goes does not page at each
// turn.
func NextStandby(before *record.Standby, ev StandbyProbed, now time.Time) (record.Standby, bool) {
	next := record.Standby{Since: now}
	if before != nil {
		next = *before
	}
	changed := before == nil || !same(*before, ev)
	if changed {
		if next.State != ev.State {
			next.Since = now
		}
		next.State, next.Why, next.Answers = ev.State, record.Truncate(ev.Why, record.MaxLine), slim(ev.Answers)
	}
	switch obstacle := next.Obstacle() != ""; {
	case obstacle && !before.Notified() && now.Sub(next.ToldAt) >= policy.Quiet:
		next.ToldAt, changed = now, true
	case next.State == record.Warm && before.Notified():
		next.OverAt, changed = now, true
	}
	return next, changed
}

// same reports whether a probe says what is on record already. Of what is cold the number of pods
// counts; other texts hold ports and times.
func same(s record.Standby, ev StandbyProbed) bool {
	told := s.State == ev.State && (ev.State != record.Cold || s.Why == ev.Why)
	return told && slices.EqualFunc(s.Answers, slim(ev.Answers), alike)
}

// alike reports whether two answers are the same word to the same question.
func alike(a, b record.Answer) bool { return a.Question == b.Question && a.Health == b.Health }

// endStandby forgets the standby with the end of the release, and ends what people were told.
func (s *State) endStandby(now time.Time) {
	if s.Release.Standby.Notified() {
		s.Write.Messages = append(s.Write.Messages, report.NoRollbackEndedMsg(*s.Release, s.Runbook, now))
	}
	s.Release.Standby = nil
}
