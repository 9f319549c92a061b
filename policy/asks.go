package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// weakStandby asks where the stable side answers, but too few of its pods are ready for all
// traffic, or its probes are bad. Whether some of it is better than the candidate is a human's
// judgement: the daemon cannot weigh an overloaded v1 against a wrong v2. What was counted with
// the breach is newer than the last probe, unless that asked a catalog as well. A standby that could not be probed stops nothing
// here: harm is confirmed, and pods were counted.
func weakStandby(in Input, _ time.Time) *objection {
	s, need := in.Release.Standby, in.Runbook.LastKnownGood.Needs()
	counted := in.Breach.Trigger != ""
	newer := counted && in.Runbook.LastKnownGood.Catalog == ""
	var why string
	switch {
	case counted && in.Breach.StablePods < need:
		why = fmt.Sprintf("The last known good, %s, has %s ready and needs %d to take all traffic.", side(in.Release.Stable), pods(in.Breach.StablePods), need)
	case s.Obstacle() != "" && !(newer && s.State == record.Cold):
		why = fmt.Sprintf("The last known good, %s, may not be able to take all traffic: %s.", side(in.Release.Stable), s.Obstacle())
	default:
		return nil
	}
	o := ask(in, why)
	o.choices = append(o.choices, "bring its pods back: the rollback then happens automatically if the trigger still breaches")
	return o
}

func pauseExpired(in Input, now time.Time) *objection {
	if in.Control.Mode != runbook.Paused || !expired(in.Control, now) {
		return nil
	}
	return ask(in, fmt.Sprintf("The pause%s ended %s ago, but nobody has set automation to active again.", byWhom(in.Control), span(now.Sub(in.Control.Until))))
}

func ruleDrift(in Input, _ time.Time) *objection {
	if in.Breach.RulesDrift == "" {
		return nil
	}
	o := ask(in, fmt.Sprintf("The rules that Prometheus has loaded for trigger %q differ from the runbook: %s.", in.Breach.Trigger, in.Breach.RulesDrift))
	o.choices = append(o.choices, "fix the rules, and reload Prometheus (autorollback rules generate runbooks/ --rules-file autorollback.rules.yml): the rollback then happens automatically if the trigger still breaches")
	return o
}

func noControl(in Input, _ time.Time) *objection {
	if in.Breach.StableRate > 0 || in.asked {
		return nil
	}
	return ask(in, fmt.Sprintf("%s has no traffic, so there is no baseline to compare with.", side(in.Release.Stable)))
}

func fewPods(in Input, _ time.Time) *objection {
	if in.Breach.CandidatePods >= in.Runbook.Policy.MinCandidatePods || in.asked {
		return nil
	}
	return ask(in, fmt.Sprintf("%s has %s, and policy.min_candidate_pods is %d: this may be one bad machine, not a bad version.", side(in.Release.Candidate), pods(in.Breach.CandidatePods), in.Runbook.Policy.MinCandidatePods))
}

func cooldown(in Input, now time.Time) *objection {
	cool := in.Runbook.Policy.Cooldown.Std()
	last := latest(in.Release.Rollbacks)
	if last.IsZero() || now.Sub(last) >= cool {
		return nil
	}
	return ask(in, fmt.Sprintf("autorollback acted %s ago; policy.cooldown is %s.", span(now.Sub(last)), span(cool)))
}

func dailyLimit(in Input, now time.Time) *objection {
	n := within(in.Release.Rollbacks, 24*time.Hour, now)
	if n < in.Runbook.Policy.MaxRollbacks {
		return nil
	}
	return ask(in, fmt.Sprintf("%s was rolled back automatically %d times in 24 h; policy.max_rollbacks is %d.", in.Runbook.Service, n, in.Runbook.Policy.MaxRollbacks))
}

func budget(in Input, now time.Time) *objection {
	n := in.Budget.Spent(now)
	for _, s := range in.Elsewhere {
		if s.Lost != "" {
			return ask(in, fmt.Sprintf("The store of region %s %s. What it has spent of the limit of automatic rollbacks is not known, and counts as all of it.", strings.Join(s.Regions, " and "), s.Lost))
		}
		n += record.Budget{Recent: s.Recent}.Spent(now)
	}
	if n < record.BudgetPerHour {
		return nil
	}
	return ask(in, fmt.Sprintf("autorollback rolled back automatically %d times in the last hour; the limit for all services is %d.", n, record.BudgetPerHour))
}

func schedule(in Input, now time.Time) *objection {
	spans := in.Runbook.Policy.Schedule
	open, next := Open(spans, now)
	switch {
	case open:
		return nil
	case next.IsZero():
		return ask(in, "Outside policy.schedule, and no later span opens.")
	}
	return ask(in, fmt.Sprintf("Outside policy.schedule; automation may act again in %s, at %s.", span(next.Sub(now)), clock(next)))
}

func mild(in Input, _ time.Time) *objection {
	t, _ := in.Runbook.Trigger(in.Breach.Trigger)
	if t.Severity == runbook.Severe {
		return nil
	}
	return ask(in, fmt.Sprintf("Trigger %q is %s: a human decides.", t.Name, t.Severity))
}

// within counts the moments less than d before now; one ahead of now (another
// replica's clock) counts.
func within(moments []time.Time, d time.Duration, now time.Time) int {
	n := 0
	for _, t := range moments {
		if now.Sub(t) < d {
			n++
		}
	}
	return n
}

func latest(moments []time.Time) time.Time {
	var last time.Time
	for _, t := range moments {
		if t.After(last) {
			last = t
		}
	}
	return last
}
