package policy

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const choiceHold = "stop promotion by hand"

// byHand is the choice to roll back without the daemon's judgement.
func byHand(in Input) string { return oncePossible(in) + "roll back by hand: " + rollbackCommand(in) }

// oncePossible begins a choice to roll back: nobody is told to do now what is not possible now.
func oncePossible(in Input) string {
	if in.Release.NoRollback() == "" {
		return ""
	}
	return "once " + side(in.Release.Stable) + " can take all traffic, "
}

// target names the release as the command line takes it.
func target(in Input) string {
	if in.Runbook == nil {
		return in.Release.Service + " --region " + in.Release.Region
	}
	return in.Runbook.Named(in.Release.Region)
}

func rollbackCommand(in Input) string {
	return "autorollback rollback " + target(in) + " --reason WHY"
}

// shared are the choices where both sides are bad, and a rollback would not help.
func shared(in Input) []string {
	return []string{"look for what both versions share: dependencies, features, traffic",
		"when it is over: autorollback release resume " + target(in) + " --reason WHY"}
}

func unknownTrigger(in Input, _ time.Time) *objection {
	_, ok := in.Runbook.Trigger(in.Breach.Trigger)
	companion := in.Breach.Trigger == rules.BlindTrigger && in.Breach.State != record.Breaching // has no number to breach
	if ok || companion {
		return nil
	}
	return holdAndPage(fmt.Sprintf("The runbook of %s has no trigger %q: the alert rules and the runbook differ, or the alert is not for autorollback.", in.Runbook.Service, in.Breach.Trigger),
		"compare them: autorollback rules verify runbooks/ --rules-file autorollback.rules.yml", "look at the service; "+byHand(in))
}

func unreachable(in Input, _ time.Time) *objection {
	if in.Breach.State != record.Unreachable {
		return nil
	}
	if in.Breach.Unjudged() {
		return holdAndPage("Not known yet whether this is more than chance"+because(in.Breach.Problem)+". An alert alone moves no traffic; autorollback keeps asking.",
			"wait until the significance is known", "look at the service; "+byHand(in))
	}
	return holdAndPage("Prometheus does not answer, so the alert is not confirmed"+because(in.Breach.Problem)+". An alert alone moves no traffic; autorollback keeps asking.",
		"bring Prometheus back", "look at the service; "+byHand(in))
}

func blind(in Input, _ time.Time) *objection {
	if in.Breach.State != record.NoData {
		return nil
	}
	return holdAndPage("Prometheus has no fresh data to judge by"+because(in.Breach.Problem)+". No data is neither good nor bad.",
		"fix the metrics", "look at the service; "+byHand(in))
}

func notConfirmed(in Input, _ time.Time) *objection {
	if in.Breach.State == record.Breaching {
		return nil
	}
	return hold(fmt.Sprintf("Not confirmed: Prometheus answered at %s that trigger %q is not true (state %s).", clock(in.Breach.AskedAt), in.Breach.Trigger, state(in.Breach.State)))
}

func absoluteSLO(in Input, _ time.Time) *objection {
	t, _ := in.Runbook.Trigger(in.Breach.Trigger)
	if t.Type != runbook.AbsoluteSLO && t.Severity != runbook.Page {
		return nil
	}
	if in.Breach.StableUnhealthy {
		return freeze(fmt.Sprintf("Wrong cause: users are outside the limit %q, and %s breaks a limit as well: a rollback would not help.", t.Name, side(in.Release.Stable)), shared(in)...)
	}
	return freeze(fmt.Sprintf("Users are outside the absolute limit %q. Such a limit stops promotion and never moves traffic automatically.", t.Name),
		byHand(in), "look for another cause")
}

func stableUnhealthy(in Input, _ time.Time) *objection {
	if !in.Breach.StableUnhealthy {
		return nil
	}
	return freeze(fmt.Sprintf("Wrong cause: %s breaks an absolute limit as well, so it is not %s alone.", side(in.Release.Stable), side(in.Release.Candidate)),
		shared(in)...)
}

func nothing(in Input, _ time.Time) *objection {
	if in.Release.Phase != record.Open {
		return hold(fmt.Sprintf("Nothing to roll back: release %s is %s.", in.Release.ID, in.Release.Phase))
	}
	if in.Release.Weight > 0 || in.ByHuman {
		return nil
	}
	return hold(fmt.Sprintf("Nothing to roll back: %s already has 0 %% of the traffic (measured: %s requests per second).", side(in.Release.Candidate), runbook.Figure(in.Breach.CandidateRate)))
}

// ExternalChange is the decision about a split that somebody else wrote, whether or not
// anything is breaching.
func ExternalChange(in Input, now time.Time) record.Decision {
	d := cautioned(in, decision(GuardManualOverride, *manualOverride(in, now)))
	d.At = now
	return d
}

func manualOverride(in Input, _ time.Time) *objection {
	if !in.ExternalChange {
		return nil
	}
	why := "Somebody else changed the split. autorollback writes nothing until a human accepts it."
	if h := in.Release.Held; h != nil {
		why = fmt.Sprintf("Somebody else changed the split since %s: wanted %s, found %s. autorollback writes nothing until a human accepts it.", clock(h.Since), split(h.Want), split(h.Found))
	}
	return holdAndPage(why, "accept the split as it is: the link, or autorollback release accept-split "+target(in)+" --reason WHY",
		"put the split back, or finish by hand what was begun in the router", choiceHold)
}

func paused(in Input, now time.Time) *objection {
	c := in.Control
	switch {
	case c.Mode == runbook.Active || c.Mode == runbook.Observe || c.Mode == "":
		return nil
	case c.Mode == runbook.Paused && expired(c, now):
		return nil
	case c.Mode != runbook.Paused:
		return holdAndPage(fmt.Sprintf("Unknown control mode %q; treating it as paused.", c.Mode), "write active, observe or paused", byHand(in))
	}
	until := "without an end"
	if !c.Until.IsZero() {
		until = fmt.Sprintf("for another %s, until %s", span(c.Until.Sub(now)), clock(c.Until))
	}
	return holdAndPage("Automation is paused "+until+byWhom(c)+".", "end the pause", byHand(in))
}

func lkgQuarantined(in Input, _ time.Time) *objection {
	if !in.StableQuarantined {
		return nil
	}
	return holdAndPage(fmt.Sprintf("The last known good, %s, is quarantined (bundle %s): there is no good version to roll back to.", side(in.Release.Stable), in.Release.Stable.Bundle),
		"lift the quarantine, then roll back: autorollback release lift "+in.Release.Stable.Bundle+" --reason WHY", oncePossible(in)+"roll back by hand anyway: "+rollbackCommand(in), "fix the candidate in place")
}

// lkgNotWarm holds where the stable side has no pod at all: however bad the candidate is, it
// answers somebody, and a rollback would turn every request into an error. So not even a link
// with a yes is sent. As soon as a pod is ready the breach is decided again.
func lkgNotWarm(in Input, _ time.Time) *objection {
	if in.Breach.StablePods > 0 {
		return nil
	}
	return holdAndPage(fmt.Sprintf("The last known good, %s, has no pod ready: a rollback would turn every request into an error.", side(in.Release.Stable)),
		"start its pods: the rollback then happens automatically if the trigger still breaches", "fix the candidate in place")
}

func routerKeys(in Input, _ time.Time) *objection {
	if in.Router == "" {
		return nil
	}
	return holdAndPage("The router's keys cannot be changed: "+in.Router,
		"fix the router's keys; the rollback then happens automatically", "move the traffic by hand")
}

func alreadyActed(in Input, now time.Time) *objection {
	if in.Incident == nil || in.Incident.ActedAt.IsZero() {
		return nil
	}
	return hold(fmt.Sprintf("Incident %s was rolled back %s ago; one incident gets one rollback.", in.Incident.ID, span(now.Sub(in.Incident.ActedAt))))
}

func expired(c record.Control, now time.Time) bool { return !c.Until.IsZero() && !now.Before(c.Until) }
