package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Ramp is everything that the next step of a rollout rests on, read at one moment.
type Ramp struct {
	Runbook              *runbook.Runbook // never nil
	Release              record.Release   // as stored
	Incident             *record.Incident // the release's newest; nil: none
	Control              record.Control   // zero: active
	ExternalChange       bool             // the router's split is not the release's
	Router               string           // why the router's keys cannot be changed, or would be ignored
	StableQuarantined    bool
	CandidateQuarantined bool
	Stores               []record.StoreState // of all regions; empty: there is one
	Watchdog             time.Time           // when the watchdog was last received by webhook; zero: never
	Ready                *record.Readiness   // nil: not asked yet
	ByHuman              bool                // a person takes the step
	Flip                 bool                // only as the first step of blue and green
}

// A Move is what to do about the next step of the ramp.
type Move string

const (
	Wait    Move = "wait"
	AskStep Move = "ask"     // a human approves or rejects
	Advance Move = "advance" // take it
	Close   Move = "close"   // the release is proved
)

// NextStep says what to do now, and why if that is to wait.
func NextStep(in Ramp, now time.Time) (Move, string) {
	if _, why := Promote(in, now); why != "" {
		return Wait, why
	}
	switch _, more := in.Runbook.Rollout.Next(in.Release.Weight); {
	case !more:
		return Close, ""
	case in.ByHuman || in.Runbook.Rollout.Promote == runbook.PromoteAutomatic:
		return Advance, ""
	}
	return AskStep, ""
}

const (
	// watchdogSilence is how old the last word of the watchdog may be: Alertmanager
	// repeats it every two minutes.
	watchdogSilence = 6 * time.Minute
	// readinessFresh is how old the answer about readiness may be.
	readinessFresh = 30 * time.Second
)

// rampGuards object to a step in this order, and say why.
var rampGuards = []struct {
	name   string
	object func(Ramp, time.Time) string
}{
	{"no_ramp", rampless},
	{"no_flip", noFlip},
	{"incident", troubled},
	{"stopped", stopped},
	{"switched_off", switchedOff},
	{"not_possible", notPossible},
	{"not_applied", notApplied},
	{"standby", coldStandby},
	{"too_early", tooEarly},
	{"not_proved", unproved},
	{"schedule", outOfHours},
	{"no_watchdog", noWatchdog},
	{"manual", leftToHumans},
	{"not_ready", unready},
}

// RampGuards are the names of what may object to a step, in their order.
func RampGuards() []string {
	var names []string
	for _, g := range rampGuards {
		names = append(names, g.name)
	}
	return names
}

// Promote says by which guard and why the next step of the ramp, or at its end the
// closing of the release, is not taken at the moment now; empty texts mean that nothing
// objects. Without Ready it says what is known before Prometheus is asked. The words name
// moments and never the time left, so that they change only when the reason does.
func Promote(in Ramp, now time.Time) (guard, why string) {
	for _, g := range rampGuards {
		if why := g.object(in, now); why != "" {
			return g.name, why
		}
	}
	return "", ""
}

func rampless(in Ramp, _ time.Time) string {
	switch {
	case in.Release.Phase != record.Open:
		return fmt.Sprintf("%s has no open release in %s", in.Runbook.Service, in.Release.Region)
	case in.Runbook.Rollout == nil:
		return fmt.Sprintf("the runbook of %s has no section rollout, so there is no next step", in.Runbook.Service)
	}
	return ""
}

func noFlip(in Ramp, _ time.Time) string {
	if !in.Flip || in.Runbook.Rollout.Strategy == runbook.BlueGreen && in.Release.Weight == 0 {
		return ""
	}
	return fmt.Sprintf("flip is the first step of a blue and green rollout: the candidate has %v %%, the runbook's strategy is %s", in.Release.Weight, in.Runbook.Rollout.Strategy)
}

func troubled(in Ramp, _ time.Time) string {
	switch i := in.Incident; {
	case in.ExternalChange || in.Release.Held != nil:
		return "somebody else changed the split; put it back, or accept it: autorollback release accept-split " + in.Runbook.Named(in.Release.Region) + " --reason WHY"
	case i == nil || i.Phase == record.Done:
		return ""
	case i.Phase == record.HeldPhase || i.Phase == record.Frozen:
		return fmt.Sprintf("incident %s is %s (%s); look at it, then: autorollback release resume %s --reason WHY", i.ID, i.Phase, reason(i), in.Runbook.Named(in.Release.Region))
	default:
		return fmt.Sprintf("incident %s is %s (%s)", i.ID, i.Phase, reason(i))
	}
}

func reason(i *record.Incident) string {
	if i.Breach.Trigger != "" {
		return "trigger " + i.Breach.Trigger
	}
	return i.Decision.Guard
}

func stopped(in Ramp, _ time.Time) string {
	resume := "autorollback release resume " + in.Runbook.Named(in.Release.Region) + " --reason WHY"
	if s := in.Release.Stopped; s != nil {
		return fmt.Sprintf("%s stopped the ramp: %s; to continue: %s", s.By, s.Reason, resume)
	}
	if in.Release.Frozen != "" {
		return "promotion is frozen: " + in.Release.Frozen + " Look at it, then: " + resume
	}
	return ""
}

// unproved: a human may continue before what followed the last step is proved.
func unproved(in Ramp, _ time.Time) string {
	if !in.Release.Proving() || in.ByHuman {
		return ""
	}
	return fmt.Sprintf("verifying the step to %v %%, until %s at most", in.Release.Weight, clock(in.Release.Proof.Deadline))
}

func switchedOff(in Ramp, _ time.Time) string {
	switch c := in.Control; {
	case c.Mode == "" || c.Mode == runbook.Active:
	case c.Mode == runbook.Observe && in.ByHuman:
	case c.Mode == runbook.Observe:
		return "the control mode is observe" + byWhom(c) + ": nothing is promoted automatically; promote by hand: autorollback release promote " + in.Runbook.Named(in.Release.Region)
	case c.Mode == runbook.Paused:
		return "automation is paused" + byWhom(c)
	default:
		return fmt.Sprintf("unknown control mode %q; treating it as paused", c.Mode)
	}
	if in.Runbook.Policy.Mode != runbook.Active && !in.ByHuman {
		return "the runbook's mode is observe: nothing is promoted automatically; promote by hand: autorollback release promote " + in.Runbook.Named(in.Release.Region)
	}
	return ""
}

// notPossible: before each step a rollback must be possible, and the step itself.
func notPossible(in Ramp, _ time.Time) string {
	switch {
	case in.StableQuarantined:
		return fmt.Sprintf("%s is quarantined: a rollback to it is impossible", side(in.Release.Stable))
	case in.CandidateQuarantined:
		return fmt.Sprintf("%s is quarantined", side(in.Release.Candidate))
	case in.Router != "":
		return "the router's keys: " + in.Router
	case len(in.Release.Pending) > 0:
		return in.Release.Pending[0].NotYet()
	}
	return quarantinedElsewhere(in.Stores, in.Release.Region, in.Release.Candidate.Bundle)
}

// coldStandby: what its probes found, without waiting for a question of the ramp's own.
func coldStandby(in Ramp, _ time.Time) string {
	if why := in.Release.Standby.Obstacle(); why != "" {
		return "a rollback is not possible right now: " + why
	}
	return ""
}

func tooEarly(in Ramp, now time.Time) string {
	r := in.Release
	stay, why := in.Runbook.Rollout.Stay(r.Weight), "the runbook keeps this step for"
	if in.Ready != nil && r.Weight > 0 {
		need := in.Ready.Need
		if need > 0 && r.WeightChangedAt.Equal(r.Began()) { // warm-up: nothing is judged yet
			need += in.Runbook.Metrics.Warmup.Std()
		}
		if need > stay {
			stay, why = need, "the triggers that can decide at this traffic need"
		}
	}
	until := r.WeightChangedAt.Add(stay)
	if !now.Before(until) {
		return ""
	}
	if _, more := in.Runbook.Rollout.Next(r.Weight); !more {
		why = "it bakes for"
	}
	return fmt.Sprintf("at %v %% until %s: %s %s", r.Weight, clock(until), why, runbook.Duration(stay.Round(time.Second)))
}

func outOfHours(in Ramp, now time.Time) string {
	open, next := Open(in.Runbook.Rollout.Schedule, now)
	switch {
	case open:
		return ""
	case next.IsZero():
		return "outside rollout.schedule, and no later span opens"
	}
	return "outside rollout.schedule, which opens at " + clock(next)
}

func noWatchdog(in Ramp, now time.Time) string {
	switch {
	case in.Watchdog.IsZero():
		return "no watchdog alert received by webhook yet; check the Alertmanager route to autorollback"
	case now.Sub(in.Watchdog) > watchdogSilence:
		return fmt.Sprintf("no watchdog alert received by webhook since %s; check the Alertmanager route to autorollback", clock(in.Watchdog))
	}
	return ""
}

// leftToHumans: the candidate's first traffic is always a human's word, and so is
// every step of a manual ramp. Closing a release at the end moves nothing.
func leftToHumans(in Ramp, _ time.Time) string {
	next, more := in.Runbook.Rollout.Next(in.Release.Weight)
	if in.ByHuman || !more {
		return ""
	}
	service := in.Runbook.Named(in.Release.Region)
	command := "autorollback release promote " + service
	if in.Runbook.Rollout.Strategy == runbook.BlueGreen && in.Release.Weight == 0 {
		command = "autorollback release flip " + service
	}
	how := fmt.Sprintf("a human must take the step to %v %%: %s", next.Weight, command)
	if in.Release.Weight == 0 || in.Runbook.Rollout.Promote == runbook.PromoteManual {
		return how
	}
	return ""
}

// unready judges what Prometheus answered.
func unready(in Ramp, now time.Time) string {
	ready := in.Ready
	if ready == nil {
		return ""
	}
	r, health := in.Release, in.Runbook.LastKnownGood.Health.Named()
	need := needed(in)
	switch {
	case now.Sub(ready.AskedAt).Abs() > readinessFresh:
		return "the readiness check is out of date"
	case ready.Problem != "":
		return "unknown whether a rollback is possible: " + ready.Problem
	case ready.StablePods < in.Runbook.LastKnownGood.Needs():
		return fmt.Sprintf("a rollback is impossible: %s has %s ready and needs %d", side(r.Stable), pods(ready.StablePods), in.Runbook.LastKnownGood.Needs())
	case ready.CandidatePods < need && r.Weight == 0 && !health:
		return fmt.Sprintf("%s has %s ready and needs %d; pods without traffic are seen only with last_known_good.health", side(r.Candidate), pods(ready.CandidatePods), need)
	case ready.CandidatePods < need:
		return fmt.Sprintf("%s has %s ready and needs %d", side(r.Candidate), pods(ready.CandidatePods), need)
	case ready.RulesDrift != "": // before the limit: a trigger in a wrong unit breaks it as well
		return "not every trigger is armed: " + ready.RulesDrift
	case ready.StableUnhealthy:
		return fmt.Sprintf("%s breaks an absolute limit", side(r.Stable))
	case objecting(ready.Answers) != "":
		return objecting(ready.Answers)
	case len(ready.Breaching) > 0:
		return "breaching now: " + strings.Join(ready.Breaching, ", ")
	case r.Weight > 0 && ready.CandidateRate <= 0:
		return fmt.Sprintf("%s gets no requests, so nothing is proved", side(r.Candidate))
	case r.Weight > 0 && len(ready.Undecided) > 0:
		return "not enough data to judge: " + strings.Join(ready.Undecided, ", ")
	}
	return ""
}

// objecting is the first answer that is not good.
func objecting(answers []record.Answer) string {
	for _, a := range answers {
		if !a.Aside && a.Health != record.Good {
			return a.Text
		}
	}
	return ""
}

// needed is how many of the candidate's pods must be ready: enough that a breach may
// roll back automatically, and all that the last known good needs where it takes over.
func needed(in Ramp) int {
	need := max(1, in.Runbook.Policy.MinCandidatePods)
	next, more := in.Runbook.Rollout.Next(in.Release.Weight)
	if !more || next.Weight == 100 || in.Runbook.Rollout.Strategy == runbook.BlueGreen {
		need = max(need, in.Runbook.LastKnownGood.MinPods)
	}
	return need
}
