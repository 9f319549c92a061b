package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// What a person reads first of a question: one screen of a phone.

// Title asks the question for a list of windows.
func (q question) Title() string {
	if q.Rollback() {
		return "Roll back " + q.Approval.Service + "?"
	}
	if q.Promotion() {
		return "Take the next step of " + q.Approval.Service + "?"
	}
	return "Let " + q.Approval.Service + " go on?"
}

// Heading asks it by the versions.
func (q question) Heading() string {
	stable, candidate := q.sides()
	switch {
	case candidate.Version == "" || stable.Version == "":
		return q.Title()
	case q.Rollback():
		return fmt.Sprintf("Roll %s back to %s?", candidate.Version, stable.Version)
	case q.Promotion() && len(q.Live.Plan.To) > 0:
		return fmt.Sprintf("Take %s to %v %%?", candidate.Version, q.Live.Plan.To[candidate.Backend])
	}
	return q.Title()
}

// sides are the two that the question is about, the incident's before the release's.
func (q question) sides() (stable, candidate record.Side) {
	stable, candidate = q.Incident.Stable, q.Incident.Candidate
	if stable.Version == "" {
		stable, candidate = q.Live.Stable, q.Live.Candidate
	}
	stable.Backend = cmp.Or(stable.Backend, stable.Version)
	candidate.Backend = cmp.Or(candidate.Backend, candidate.Version)
	return stable, candidate
}

// Numbers says what the trigger does now, or did when it was last seen to breach.
func (q question) Numbers() string {
	if q.Breaching() {
		return report.Numbers(q.Incident, q.Live.Breach, q.Runbook)
	}
	if text := report.Numbers(q.Incident, q.Incident.Breach, q.Runbook); text != "" {
		return "When it opened: " + text
	}
	return ""
}

// Queried is how long ago Prometheus was asked; empty: it was not.
func (q question) Queried() string {
	if q.Live.Breach.AskedAt.IsZero() {
		return ""
	}
	return "asked " + report.Span(q.At.Sub(q.Live.Breach.AskedAt)) + " ago"
}

// A share is one backend's part of the traffic before and after.
type share struct {
	Backend, Version string
	From, To         runbook.Weight
}

// Split lists the plan's shares, the candidate's first.
func (q question) Split() []share {
	stable, candidate := q.sides()
	versions := map[string]string{stable.Backend: stable.Version, candidate.Backend: candidate.Version}
	backends := record.Split{}
	maps.Copy(backends, q.Live.Plan.From)
	maps.Copy(backends, q.Live.Plan.To)
	var all []share
	for _, b := range slices.Sorted(maps.Keys(backends)) {
		all = append(all, share{b, cmp.Or(versions[b], b), q.Live.Plan.From[b], q.Live.Plan.To[b]})
	}
	if i := slices.IndexFunc(all, func(s share) bool { return s.Backend == candidate.Backend }); i > 0 {
		mine := all[i]
		all = slices.Insert(slices.Delete(all, i, i+1), 0, mine)
	}
	return all
}

// Moves is the same on one line: v2 5 % → 0 %, v1 95 % → 100 %. Letting a release continue moves nothing.
func (q question) Moves() string {
	var all []string
	if !q.Rollback() && !q.Promotion() {
		return ""
	}
	for _, s := range q.Split() {
		all = append(all, fmt.Sprintf("%s %v %% → %v %%", s.Version, s.From, s.To))
	}
	return strings.Join(all, ", ")
}

// WhoMay says who may answer, see [policy.MayAnswer].
func (q question) WhoMay() string {
	switch {
	case q.Who.Name == "" && !q.MaySign:
		return "Whoever holds this link may answer"
	case len(q.Approvers) == 0:
		return "The runbook names no approver: only who has the role approve may answer"
	}
	return strings.Join(q.Approvers, " or ") + " may answer"
}

// Left is how long there is to answer.
func (q question) Left() string {
	return report.Span(max(0, q.Approval.ExpiresAt.Sub(q.At)))
}

// Silence says what happens if nobody answers.
func (q question) Silence() string {
	_, candidate := q.sides()
	switch {
	case q.Promotion():
		return "the ramp waits at this step"
	case !q.Rollback():
		return "the release stays held"
	case q.Runbook != nil && policy.RollsBackUnanswered(q.Runbook, q.Incident.Decision):
		return candidate.Version + " is rolled back, if the trigger still breaches then and nothing objects"
	}
	return "nothing moves, and people are paged again"
}

// Do says in few words what a yes does.
func (q question) Do() string {
	if q.Rollback() {
		return "Roll back"
	}
	if q.Promotion() {
		return "Take the step"
	}
	return "Let it go on"
}

// Leave says in few words what a no does.
func (q question) Leave() string {
	_, candidate := q.sides()
	if q.Rollback() {
		return "Keep " + candidate.Version
	}
	if q.Promotion() {
		return "Do not take the step"
	}
	return "Keep holding"
}
