package lifecycle

import (
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
)

// postpone puts what the transaction cannot hold into the release, as the writes to be carried
// out after it. An older pending write of the same place is given up; it may have been sent, and
// what it wanted may still land.
func (s *State) postpone(writes []record.DeferredWrite, now time.Time) {
	r := s.Release
	for _, w := range writes {
		w.Op, w.Since = s.Op, now
		kept := slices.Clone(r.Pending)[:0]
		for _, old := range r.Pending {
			switch {
			case old.Place != w.Place:
				kept = append(kept, old)
			case w.Ours != nil && old.Ours != nil:
				w.Ours = distinct(append(append(slices.Clone(w.Ours), old.Ours...), r.Want()))
			}
		}
		r.Pending = append(kept, w)
	}
}

func distinct(splits []record.Split) (all []record.Split) {
	for _, s := range splits {
		if !slices.ContainsFunc(all, s.Equal) {
			all = append(all, s)
		}
	}
	return all
}

// expected reports whether the split that was found is one that a pending write explains.
func (s State) expected() bool {
	w := s.Release.Unwritten()
	return w != nil && slices.ContainsFunc(w.Ours, s.Split.Equal)
}

// giveWay drops the write of a split over which somebody else has written another one.
func (s *State) giveWay() {
	s.Release.Pending = slices.DeleteFunc(s.Release.Pending, func(w record.DeferredWrite) bool { return w.Ours != nil })
}

// Due is the pending write whose turn it is; false while there is none, while what it waits for
// is not so, and while a manual override holds the release.
func Due(s State) (record.DeferredWrite, bool) {
	r := s.Release
	if r == nil || len(r.Pending) == 0 || r.Held != nil || s.Unreadable() || s.ExternalChange() {
		return record.DeferredWrite{}, false
	}
	w := r.Pending[0]
	return w, w.After == "" || w.After == record.AfterApplied && applied(s)
}

// applied reports whether no router serves the split before the present one any more: each
// instance has shown the present one, or the candidate is seen to be without traffic.
func applied(s State) bool {
	r, i := s.Release, s.Incident
	switch {
	case r.Unwritten() != nil:
		return false
	case r.ReadBack() && !r.Applied.AppliedAt.IsZero():
		return true
	}
	return s.rolledBack() && !i.DrainedAt.IsZero()
}

// written takes a pending write off the release, or notes why it is not done.
func (s *State) written(ev Written, now time.Time) {
	r := s.Release
	if r == nil {
		return
	}
	at := slices.IndexFunc(r.Pending, func(w record.DeferredWrite) bool { return w.Op == ev.Op && w.Place == ev.Place })
	if at < 0 {
		return
	}
	if ev.Problem != "" {
		r.Pending[at].Problem = record.Truncate(ev.Problem, record.MaxLine)
		return
	}
	w := r.Pending[at]
	r.Pending = slices.Delete(r.Pending, at, at+1)
	if len(r.Pending) == 0 {
		r.Pending = nil
	}
	if s.rolledBack() {
		s.note(now, "written", "", "Written: "+w.Where())
	}
	if w.Ours == nil {
		return
	}
	if s.readBack(now); r.ReadBack() {
		r.Applied.WrittenAt = now
		s.keepApplied()
	}
}
