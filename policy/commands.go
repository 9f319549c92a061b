package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Launch is everything that the start of a release rests on, read at one moment.
type Launch struct {
	Runbook           *runbook.Runbook // never nil
	Region            string
	Stable, Candidate record.Side
	Weight            runbook.Weight
	Safer             bool             // on the ramp drafted from the incident of the release before
	Trusted           bool             // a human says that the stable side need not be the last known good
	Last              *record.Release  // the one before; nil: there was none
	Incident          *record.Incident // its newest
	Quarantined       map[string]record.Quarantine
	Stores            []record.StoreState // of all regions; empty: there is one
	Shadow            string              // why the recorded shadow verdict does not let it start
	Split             record.Split        // nil: the router has none yet
	Router            string              // why the router's keys cannot be changed
	Hazards           []string            // what makes the router ignore a change
	HazardsAge        time.Duration       // how long ago they were looked for
}

// hazardsFresh is how old may be what a step knows of the keys that other services have in the
// router's tree.
const hazardsFresh = 5 * time.Second

// LooksFirst reports whether the whole of what the router reads is to be looked through before a
// step is taken, since the last look was so long ago.
func LooksFirst(age time.Duration) bool { return age > hazardsFresh }

// Start says why a release may not start; nil: it may.
func Start(in Launch) error {
	last, i, router := in.Last, in.Incident, ""
	switch {
	case in.Router != "":
		router = "the router's keys cannot be changed: " + in.Router
	case LooksFirst(in.HazardsAge):
		router = fmt.Sprintf("the router's other keys were last read %s ago; try again", in.HazardsAge.Round(time.Second))
	case len(in.Hazards) > 0:
		router = "the router would ignore a change: " + strings.Join(in.Hazards, "; ")
	case in.Split != nil && !in.Split.Equal(record.Split{in.Stable.Backend: 100}):
		router = fmt.Sprintf("the router sends traffic to %v, not all of it to the stable backend %q; autorollback never overwrites somebody else's split", in.Split, in.Stable.Backend)
	}
	switch {
	case last != nil && last.Phase == record.Open:
		return runbook.Refuse("release %s of %s in %s is open since %s; roll it back first",
			last.ID, in.Runbook.Service, in.Region, last.StartedAt.UTC().Format(time.RFC3339))
	case i != nil && (i.Phase == record.Acted || i.Phase == record.Verifying):
		return runbook.Refuse("the rollback of %s is still being verified (incident %s); wait for its verdict", last.ID, i.ID)
	case last != nil && len(last.Pending) > 0:
		return runbook.Refuse("a write of release %s is pending, and is tried again: %s", last.ID, last.Pending[0].NotYet())
	case i != nil && i.Phase == record.Settled:
		return runbook.Refuse("the evidence of incident %s is still being sealed; try again in a moment", i.ID)
	}
	for _, why := range []string{in.quarantined(), in.distrust(), in.noSafer(), in.Runbook.Routing.Settable(in.Weight), in.unwritable(), in.shadow(), router} {
		if why != "" {
			return runbook.Refuse("%s", why)
		}
	}
	return nil
}

// unwritable is of either side: a rollback writes the stable one.
func (in Launch) unwritable() string {
	routing := in.Runbook.Routing.In(in.Region)
	for _, s := range []record.Side{in.Stable, in.Candidate} {
		if why := routing.Unwritable(s.Version, s.Backend); why != "" {
			return why
		}
	}
	return ""
}

func (in Launch) quarantined() string {
	if q, ok := in.Quarantined[in.Candidate.Bundle]; ok && q.Bars() {
		return fmt.Sprintf("bundle %s is quarantined by incident %s (%s); lift it by name first: autorollback release lift %s --reason …",
			in.Candidate.Bundle, q.Incident, q.Reason, in.Candidate.Bundle)
	}
	if q, ok := in.Quarantined[in.Stable.Bundle]; ok && q.Bars() {
		return fmt.Sprintf("the stable bundle %s is quarantined by incident %s: a rollback to it is impossible", in.Stable.Bundle, q.Incident)
	}
	if why := quarantinedElsewhere(in.Stores, in.Region, in.Candidate.Bundle); why != "" {
		return fmt.Sprintf("%s; lift it by name first: autorollback release lift %s --reason …", why, in.Candidate.Bundle)
	}
	return ""
}

// NotProved reports whether the stable side is not the last known good that is recorded.
func (in Launch) NotProved() bool {
	return in.Last != nil && in.Last.Good != nil && in.Last.Good.Bundle != in.Stable.Bundle
}

func (in Launch) distrust() string {
	if !in.NotProved() || in.Trusted {
		return ""
	}
	good := in.Last.Good
	return fmt.Sprintf("a rollback would go to %s (bundle %s), but the last known good of %s in %s is %s (bundle %s): "+
		"make that the stable side, or say why not: --stable-not-proved --reason WHY",
		in.Stable.Version, in.Stable.Bundle, in.Runbook.Service, in.Region, good.Version, good.Bundle)
}

func (in Launch) noSafer() string {
	switch {
	case !in.Safer:
		return ""
	case in.Runbook.Rollout == nil:
		return "the runbook has no section rollout, so there is no ramp to make safer"
	case in.Last == nil:
		return "there was no release before: --safer drafts its ramp from an incident"
	}
	broke, ok := in.Last.BrokeAt()
	if !ok {
		return fmt.Sprintf("the last release of %s in %s was not rolled back: --safer drafts its ramp from an incident", in.Runbook.Service, in.Region)
	}
	safe := in.Runbook.Rollout.Safer(broke).Steps
	for _, step := range safe {
		if why := in.Runbook.Routing.Settable(step.Weight); why != "" {
			return "the safer ramp cannot be taken: " + why
		}
	}
	if most := safe[0].Weight; in.Weight > most {
		return fmt.Sprintf("the safer ramp begins at %v %% and the release file asks for %v %%: write `weight: %v` or less", most, in.Weight, most)
	}
	return ""
}

// howToPass says how a missing shadow pass is got.
const howToPass = "compare the two (shadow replay, or shadow join), and record the report: " +
	"--release RELEASE.yaml --record, or autorollback shadow record GATE.json"

func (in Launch) shadow() string {
	if !in.Runbook.Shadow.Needed() || in.Shadow == "" {
		return ""
	}
	return fmt.Sprintf("the runbook requires a shadow pass: %s; %s", in.Shadow, howToPass)
}

// A Reply is a human's answer to a question, with what it rests on now.
type Reply struct {
	Runbook        *runbook.Runbook // never nil
	Approval       record.Approval  // as stored
	Release        record.Release
	ExternalChange bool
	Router         string        // why the router's keys cannot be changed
	Plan           string        // digest of the change as planned now
	Now            record.Breach // the incident's trigger, asked for a yes to a rollback
	By             record.Caller
	record.Reply
}

// Answer says why an answer cannot be taken; nil: it can. A yes is one to the very
// change that was shown.
func Answer(in Reply, now time.Time) error {
	a, stamp := in.Approval, func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	barred := MayAnswer(in.Runbook.Service, in.Runbook.Policy.Approvers, in.By)
	switch {
	case a.Status != record.Pending && a.By == "":
		return runbook.Refuse("this was already answered: %s by nobody at %s", a.Status, stamp(a.DecidedAt))
	case a.Status != record.Pending:
		return runbook.Refuse("this was already answered: %s by %s at %s", a.Status, a.By, stamp(a.DecidedAt))
	case now.After(a.ExpiresAt):
		return runbook.Refuse("this question expired at %s", stamp(a.ExpiresAt))
	case barred != nil:
		return barred
	case LacksReason(in.Reply) != nil:
		return LacksReason(in.Reply)
	case !in.Yes || a.Kind == record.AcceptSplit:
		return nil
	case in.Release.Phase != record.Open, in.ExternalChange, in.Router != "", a.Epoch != in.Release.Epoch, a.Change != in.Plan:
		return fmt.Errorf("approve %s: %w: the plan is no longer the one you were shown; open it again", a.ID, runbook.ErrConflict)
	case NeedsAnyway(a.Kind, in.Now) && !in.Anyway:
		return runbook.Refuse("%s; say that you want it rolled back anyway: the last button on the page, --anyway, or \"anyway\": true", quietly(in.Now))
	}
	return nil
}

// LacksReason says that a no does not say why; nil: it does, or the answer is a yes.
func LacksReason(in record.Reply) error {
	if in.Yes || in.Reason != "" {
		return nil
	}
	return runbook.Refuse("give a reason to reject: it is kept with the answer")
}

// NeedsAnyway reports whether a yes to a question needs to be wanted anyway: it rolls back, and nothing
// says any more that the trigger breaches, if it is about one.
func NeedsAnyway(kind string, b record.Breach) bool {
	return kind == record.RollbackApproval && b.State != record.Breaching && b.State != record.NoTrigger
}

func quietly(b record.Breach) string {
	switch b.State {
	case record.NotBreaching:
		return "the trigger is not breaching any more"
	case record.NoData:
		return "the trigger has no data now"
	}
	return "whether the trigger still breaches is not known now"
}

// MayAnswer says why somebody may not answer a service's questions; nil: they may, since the
// runbook names them or the roles file lets them approve. Where nobody can sign in, whoever
// holds the link may.
func MayAnswer(service string, approvers []string, by record.Caller) error {
	if by.How == record.LinkOnly || by.Role == string(Approve) || slices.Contains(approvers, by.Name) {
		return nil
	}
	return runbook.Forbid("%s is not among the approvers that the runbook of %s names, and does not have the role approve", by.Name, service)
}

// Stop says why a human cannot stop the ramp; nil: it can.
func Stop(in Ramp) error {
	switch {
	case in.Release.Phase != record.Open:
		return runbook.Refuse("%s", rampless(in, time.Time{}))
	case in.Release.Stopped != nil:
		return runbook.Refuse("%s stopped it already: %s", in.Release.Stopped.By, in.Release.Stopped.Reason)
	}
	return nil
}

// Resume says why a human cannot let the ramp continue; nil: it can. question is the one
// about the next step, nil if there is none.
func Resume(in Ramp, question *record.Approval) error {
	r, i := in.Release, in.Incident
	over := i != nil && (i.Phase == record.Frozen || i.Phase == record.HeldPhase)
	expired := question != nil && question.Status != record.Pending
	switch {
	case r.Phase != record.Open:
		return runbook.Refuse("%s", rampless(in, time.Time{}))
	case in.ExternalChange || r.Held != nil:
		return runbook.Refuse("%s", troubled(in, time.Time{}))
	case i != nil && i.Phase == record.Awaiting:
		return runbook.Refuse("incident %s waits for an answer: approve or reject its rollback first", i.ID)
	case r.Stopped == nil && r.Frozen == "" && !over && !expired:
		return runbook.Refuse("the ramp of %s in %s is not stopped", r.Service, r.Region)
	}
	return nil
}

// Accept is the candidate's share if a held release continues with the split that was
// found; an error says why it cannot.
func Accept(r record.Release, split record.Split, router string) (weight runbook.Weight, err error) {
	if r.Phase != record.Open || r.Held == nil {
		return 0, runbook.Refuse("%s in %s is not held", r.Service, r.Region)
	}
	if router != "" {
		return 0, runbook.Refuse("the router's keys cannot be changed: %s; fix them first", router)
	}
	weight, ok := share(split, r)
	if !ok {
		return 0, runbook.Refuse("the split %v is not one of hundredths of a percent between %s and %s; fix it first",
			split, r.Stable.Backend, r.Candidate.Backend)
	}
	return weight, nil
}

// share is the candidate's part of a split in hundredths of a percent.
func share(sp record.Split, r record.Release) (runbook.Weight, bool) {
	for backend, w := range sp {
		if w > 0 && backend != r.Stable.Backend && backend != r.Candidate.Backend {
			return 0, false
		}
	}
	sum, c := sp.Sum().Hundredths(), sp[r.Candidate.Backend].Hundredths()*runbook.All.Hundredths()
	if sum == 0 || c%sum != 0 {
		return 0, false
	}
	return runbook.RoundWeight(float64(c/sum) / 100), true
}
