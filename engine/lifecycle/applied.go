package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

const (
	// lateAfter is how long an instance may go on without a split that stands in the store.
	// With a round of questions people know within 15 s.
	lateAfter = 8 * time.Second
	// observeFor bounds how long the instances are asked after a rollback.
	observeFor = 24 * time.Hour
)

// A View is what one instance of the router showed at a moment, or why it showed nothing.
type View struct {
	Address string
	At      time.Time
	Split   record.Split
	Problem string
}

// Observing are the addresses of the instances that are to be asked what they serve:
// those that have not shown the split which the release wants and the store has, or show
// another one again.
func Observing(r record.Release, instances []string, now time.Time) []string {
	if !MustServe(r, now) {
		return nil
	}
	var ask []string
	for _, i := range r.NotApplied(instances) {
		ask = append(ask, i.Address)
	}
	return ask
}

// MustServe reports whether the router's instances are to serve the release's split, which the
// store has: while it is open, and for a day after a rollback. Then those that have shown it are
// asked now and then whether they still do.
func MustServe(r record.Release, now time.Time) bool {
	rolledBack := r.Phase == record.RolledBack && now.Sub(r.WeightChangedAt) < observeFor
	return r.Held == nil && r.ReadBack() && (r.Phase == record.Open || rolledBack)
}

// readBack notes that a consistent read of the store shows the release's split.
func (s *State) readBack(now time.Time) {
	r := s.Release
	if r == nil || r.Phase == record.Closed || s.Split == nil || s.ExternalChange() || r.Unwritten() != nil {
		return
	}
	if !r.ReadBack() {
		r.Applied = &record.Applied{Epoch: r.Epoch, WrittenAt: r.WeightChangedAt, ReadBackAt: now}
		s.keepApplied()
	}
	s.concludeApplied(now)
}

// observed takes what the router's instances showed. Each is noted once when it shows the
// split, and once when people are told that it does not; so is one that falls back later.
func (s *State) observed(ev Observed, now time.Time) {
	r := s.Release
	if r == nil || r.ID != ev.Release || r.Epoch != ev.Epoch || !MustServe(*r, now) {
		return
	}
	a := r.Applied
	a.Instances = align(a.Instances, s.Runbook.Routing.Instances)
	var late, back []record.RouterInstance
	for n := range a.Instances {
		i := &a.Instances[n]
		switch v, asked := viewOf(ev.Views, i.Address); {
		case !asked:
		case !i.AppliedAt.IsZero():
			was := *i
			s.again(i, v, now)
			switch {
			case was.Late() && !i.Late():
				back = append(back, was)
			case i.Late() && !was.Late():
				late = append(late, *i)
			}
		case v.Problem == "" && v.Split.Equal(r.Want()):
			if i.AppliedAt = v.At; !i.LateAt.IsZero() {
				back = append(back, *i)
			}
		case i.LateAt.IsZero() && now.Sub(a.ReadBackAt) >= lateAfter:
			i.LateAt, i.Problem = now, record.Truncate(shows(v), maxProblem)
			late = append(late, *i)
		}
	}
	s.concludeApplied(now)
	s.keepApplied()
	s.tellInstances(late, back, now)
}

// again takes what an instance shows that has shown the split before. No answer is no other split,
// and of one that somebody else wrote the release is held.
func (s *State) again(i *record.RouterInstance, v View, now time.Time) {
	switch {
	case s.ExternalChange():
	case v.Problem == "" && v.Split.Equal(s.Release.Want()):
		i.LeftAt = time.Time{}
	case i.LeftAt.IsZero() && v.Problem == "":
		i.LeftAt = v.At
	case !i.LeftAt.IsZero() && !i.Late() && now.Sub(i.LeftAt) >= lateAfter:
		i.LateAt, i.Problem = now, record.Truncate(shows(v), maxProblem)
	}
}

// maxProblem bounds what is kept of an instance's answer, in bytes.
const maxProblem = 200

// align keeps what is known of the instances that the runbook names now.
func align(known []record.RouterInstance, addresses []string) []record.RouterInstance {
	var all []record.RouterInstance
	for _, address := range addresses {
		at := slices.IndexFunc(known, func(i record.RouterInstance) bool { return i.Address == address })
		if at < 0 {
			all = append(all, record.RouterInstance{Address: address})
			continue
		}
		all = append(all, known[at])
	}
	return all
}

func viewOf(views []View, address string) (View, bool) {
	at := slices.IndexFunc(views, func(v View) bool { return v.Address == address })
	if at < 0 {
		return View{}, false
	}
	return views[at], true
}

func shows(v View) string {
	if v.Problem != "" {
		return v.Problem
	}
	return "it serves " + v.Split.String()
}

// concludeApplied notes that every instance has shown the split.
func (s *State) concludeApplied(now time.Time) {
	r, named := s.Release, s.Runbook.Routing.Instances
	if !r.ReadBack() || !r.Applied.AppliedAt.IsZero() || len(named) == 0 || len(r.NotApplied(named)) > 0 {
		return
	}
	for _, i := range r.Applied.Instances {
		if slices.Contains(named, i.Address) && i.AppliedAt.After(r.Applied.AppliedAt) {
			r.Applied.AppliedAt = i.AppliedAt
		}
	}
	for n := range r.Moves {
		if m := &r.Moves[n]; m.Epoch == r.Epoch && m.Why != "proved" {
			m.AppliedAt = r.Applied.AppliedAt
		}
	}
	if s.rolledBack() {
		s.note(now, "applied", "", fmt.Sprintf("Each named router instance (%d) serves %v", len(named), r.Want()))
	}
	s.keepApplied()
}

// tellInstances tells people of instances that do not follow, and of those that do after
// all.
func (s *State) tellInstances(late, back []record.RouterInstance, now time.Time) {
	id := s.Op[:min(8, len(s.Op))]
	if len(late) > 0 {
		s.noteInstances("instance_not_applied", "do not serve", late, now)
		s.Write.Messages = append(s.Write.Messages, report.InstanceNotAppliedMsg(*s.Release, s.Runbook, late, id, now))
	}
	if len(back) > 0 {
		s.noteInstances("instance_applied", "serve, after all,", back, now)
		s.Write.Messages = append(s.Write.Messages, report.InstanceAppliedMsg(*s.Release, s.Runbook, back, id, now))
	}
}

func (s *State) noteInstances(kind, verb string, all []record.RouterInstance, now time.Time) {
	if !s.rolledBack() {
		return
	}
	var names []string
	for _, i := range all {
		name := i.Address
		if kind == "instance_not_applied" {
			name += " (" + i.Problem + ")"
		}
		names = append(names, name)
	}
	s.note(now, kind, "", fmt.Sprintf("Router instances that %s %v: %s", verb, s.Release.Want(), strings.Join(names, ", ")))
}

// rolledBack reports whether the incident is the one whose rollback the release's newest
// split is.
func (s *State) rolledBack() bool {
	return s.Release.Phase == record.RolledBack && s.Incident != nil && s.Incident.ID == s.Release.Incident && s.Incident.Change != nil
}

// keepApplied lets the incident of a rollback hold the same as the release.
func (s *State) keepApplied() {
	if s.rolledBack() {
		s.Incident.Applied = clone(s.Release.Applied)
	}
}

func clone(a *record.Applied) *record.Applied {
	if a == nil {
		return nil
	}
	c := *a
	c.Instances = slices.Clone(a.Instances)
	return &c
}
