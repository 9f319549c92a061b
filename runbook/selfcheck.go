package runbook

import (
	"fmt"
	"strings"
)

// A SelfCheck is one of the five boxes a runbook must tick before it is armed.
type SelfCheck struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why"`           // what was found, one sentence
	Fix  string `json:"fix,omitempty"` // what ticks the box; empty if it is ticked
}

// SelfChecks returns the five boxes in their fixed order. A runbook with an empty
// box is valid, but not yet good.
func (r *Runbook) SelfChecks() []SelfCheck {
	return []SelfCheck{r.clearThresholds(), r.versionPaired(), r.warm(), r.recoveryNamed(), r.archived()}
}

func (r *Runbook) clearThresholds() SelfCheck {
	c := SelfCheck{Name: "clear thresholds"}
	var moving []string
	for _, t := range r.Triggers {
		if t.Severity != Page {
			moving = append(moving, t.String())
		}
	}
	c.OK, c.Why = len(moving) > 0, "rolls back or asks for: "+strings.Join(moving, "; ")
	if !c.OK {
		c.Why = "no trigger compares the candidate with stable, so nothing can roll it back"
		c.Fix = "add a trigger of type error_rate, latency_quantile or kpi_drop"
	}
	return c
}

func (r *Runbook) versionPaired() SelfCheck {
	if r.Routing.Flags != "" {
		return SelfCheck{"model and features version-paired", true,
			"each version reads its own flags under " + r.Routing.Flags + ", written in the transaction that moves the weights", ""}
	}
	return SelfCheck{"model and features version-paired", false,
		"routing.flags is not set: a rollback moves the model and leaves the features where they are",
		"set routing.flags to a prefix such as features/" + r.Service + "/ and let each version read its own document there"}
}

func (r *Runbook) warm() SelfCheck {
	c := SelfCheck{Name: "last known good warm and health-checked"}
	k := r.LastKnownGood
	c.OK = k.Health.Named()
	c.Why = fmt.Sprintf("at least %d stable pods must have reported within %s and have %s", k.MinPods, k.MaxAge, k.Health)
	if !c.OK {
		c.Why = "last_known_good.health is not set: a pod that still counts requests passes as ready"
		c.Fix = "name a metric that is 1 for a ready pod and carries the version and pod labels"
	}
	return c
}

func (r *Runbook) recoveryNamed() SelfCheck {
	c := SelfCheck{Name: "recovery metrics named, system and business"}
	names := []string{"error rate"}
	if r.Verification.System.Latency != nil {
		names = append(names, r.latencyChecked())
	}
	for _, b := range r.Verification.Business {
		names = append(names, "KPI "+b.KPI)
	}
	c.OK = len(r.Verification.Business) > 0
	c.Why = fmt.Sprintf("proved within %s by: %s", r.Verification.Within, strings.Join(names, ", "))
	if !c.OK {
		c.Why += "; no business metric is among them"
		c.Fix = "declare a KPI under metrics.kpis and check it under verification.business"
	}
	return c
}

func (r *Runbook) archived() SelfCheck {
	if r.Evidence.Archive != "" {
		return SelfCheck{"evidence archived", true,
			fmt.Sprintf("kept %s in %s", r.Evidence.Keep, r.Evidence.Archive), ""}
	}
	return SelfCheck{"evidence archived", false,
		"evidence.archive is not set: the folder stays on the daemon's disk",
		"name the place where your team copies it to, e.g. a bucket with object lock"}
}
