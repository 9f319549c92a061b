package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// launched starts a release: the records, both manifests and the first weights.
func (s *State) launched(ev Launched, now time.Time) error {
	l := ev.Launch
	stable, candidate := record.SideOf(l.Stable), record.SideOf(l.Candidate)
	plan, err := s.plan(ev.Regions)
	if err != nil {
		return err
	}
	in := policy.Launch{
		Runbook: s.Runbook, Region: s.Region, Stable: stable, Candidate: candidate, Weight: l.Weight, Safer: l.Safer,
		Trusted: l.StableNotProved != "", Last: s.Release, Incident: s.Incident, Quarantined: s.Quarantined, Stores: s.Stores,
		Shadow: s.shadowObjection(stable, candidate, now), Split: s.Split, Router: s.PlanProblem, Hazards: s.Hazards, HazardsAge: s.HazardsAge,
	}
	if err := policy.Start(in); err != nil {
		return err
	}
	safer, than := s.safer(l.Safer)
	if ev.Ramp != nil {
		safer, than = ev.Ramp, ev.SaferThan
	}
	epoch, rollbacks := 1, []time.Time(nil)
	if s.Release != nil {
		epoch = s.Release.Epoch + 1
		rollbacks = recent(s.Release.Rollbacks, now)
	}
	id, planned := s.releaseID(plan)
	good, before := lastGood(s.Release)
	s.Release = &record.Release{
		Schema: runbook.Schema, ID: id, Service: l.Service, Region: s.Region,
		Stable: stable, Candidate: candidate, Phase: record.Open, Epoch: epoch,
		StartedAt: now, StartedBy: ev.By.Name, Rollbacks: rollbacks, Good: good, GoodBefore: before, Rollout: safer, SaferThan: than,
		Regions: plan, Planned: planned, Op: s.Op,
	}
	if in.NotProved() {
		s.Release.NotProved = &record.HumanWord{At: now, By: record.Truncate(ev.By.Name, 100), Reason: record.Truncate(l.StableNotProved, record.MaxLine)}
	}
	if s.Runbook.Shadow.Needed() {
		s.Release.Shadow, s.Write.Gate = s.Shadow.Report, true
	}
	s.postpone(s.Later, now)
	s.weigh(l.Weight, ev.By.Name, "start", now)
	s.Incident, s.Approval, s.Question = nil, nil, nil
	s.Write.Bundles = []runbook.Bundle{l.Stable.Bundle, l.Candidate.Bundle}
	s.Write.Shift = true
	s.Write.Messages = append(s.Write.Messages, report.StartedMsg(*s.Release, s.Runbook, ev.By, now))
	return nil
}

// lastGood is what the release before has proved, and the one before that.
func lastGood(r *record.Release) (good, before *record.Side) {
	if r == nil {
		return nil, nil
	}
	return r.Good, r.GoodBefore
}

// safer is the ramp drafted from the incident of the release before, and its id.
func (s *State) safer(wanted bool) (*runbook.Rollout, string) {
	if !wanted || s.Release == nil || s.Runbook.Rollout == nil {
		return nil, ""
	}
	broke, _ := s.Release.BrokeAt()
	safe := s.Runbook.Rollout.Safer(broke)
	return &safe, s.Release.Incident
}

// shadowObjection says why the recorded shadow verdict is no pass; empty: it is, or none is asked for.
func (s State) shadowObjection(stable, candidate record.Side, now time.Time) string {
	switch {
	case !s.Runbook.Shadow.Needed():
		return ""
	case s.ShadowProblem != "":
		return fmt.Sprintf("the recorded verdict of %s cannot be read: %s", candidate.Bundle, s.ShadowProblem)
	case s.Shadow == nil:
		return fmt.Sprintf("no report is recorded of candidate bundle %s against the stable bundle %s", candidate.Bundle, stable.Bundle)
	}
	return gateOf(*s.Shadow).Objection(s.Runbook.Service, candidate.Bundle, stable.Bundle, s.Runbook.Shadow.MaxAge.Std(), now)
}

// gateOf is the recorded verdict in the words of package shadow, which judges it.
func gateOf(v record.ShadowVerdict) shadow.Gate {
	return shadow.Gate{
		Schema: shadow.SchemaGate, Service: v.Service, Candidate: v.Candidate, Stable: v.Stable, Verdict: shadow.Verdict(v.Verdict),
		Rule: v.Rule, Reason: v.Reason, Report: v.Report, Recording: v.Recording, At: v.At,
	}
}

// derive makes an id out of the step's operation id, which is random and used once.
func derive(op, what string) string {
	h := sha256.Sum256([]byte(what + " " + op))
	return hex.EncodeToString(h[:16])
}
