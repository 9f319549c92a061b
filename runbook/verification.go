package runbook

import (
	"fmt"
	"slices"
	"strings"
)

func (r *Runbook) checkVerification(p *decoder) {
	const at = "verification"
	v := r.Verification
	if !p.has(at+".system") && !p.has(at+".business") {
		p.add(at, "has no check", "name verification.system.error_rate.below and, for each KPI, a check under verification.business")
	}
	r.checkPace(p)
	r.checkSystem(p)
	v.Golden.check(p)
	v.Pairing.check(p)
	for i, b := range v.Business {
		path := fmt.Sprintf("%s.business[%d]", at, i)
		p.need(path+".kpi", b.KPI, "name a KPI of metrics.kpis")
		if _, ok := r.KPI(b.KPI); !ok && b.KPI != "" {
			p.undeclared(path+".kpi", b.KPI, r.Metrics.KPIs)
		}
		if b.Tolerance >= 1 {
			p.add(path+".tolerance", fmt.Sprintf("%s lets everything pass", b.Tolerance), "write less than 100%, e.g. 5%")
		}
	}
	if len(r.Metrics.KPIs) > 0 && len(v.Business) == 0 {
		p.missing(at+".business", fmt.Sprintf("check at least one KPI, e.g. `- kpi: %s`: a service can answer fast and sell nothing", r.Metrics.KPIs[0].Name))
	}
}

// checkPace checks the times of the polls.
func (r *Runbook) checkPace(p *decoder) {
	const at = "verification"
	v := r.Verification
	p.positive(at+".within", v.Within)
	p.positive(at+".every", v.Every)
	p.atLeast(at+".polls", v.Polls, 1)
	p.atLeast(at+".min_requests", v.MinRequests, 1)
	if v.Within > Duration(VerifyWithin) {
		p.add(at+".within", fmt.Sprintf("%s is more than 10m", v.Within), "write 10m or less: a recovery not proved by then needs a human")
	}
	if least := leastIntervals * r.Metrics.Step(); v.Window < least {
		p.add(at+".window", fmt.Sprintf("%s is less than %d %s", v.Window, leastIntervals, r.Metrics.steps()), fmt.Sprintf("write %s or more", least))
	}
	// In seconds: the product of two honest-looking durations may overflow.
	if float64(v.Polls)*v.Every.Std().Seconds() >= v.Within.Std().Seconds() {
		p.add(at+".polls", fmt.Sprintf("%d polls every %s do not fit into %s", v.Polls, v.Every, v.Within), "poll less often or fewer times")
	}
}

func (r *Runbook) checkSystem(p *decoder) {
	const at = "verification.system"
	limit := r.Verification.System.ErrorRate.Below
	if !p.has(at + ".error_rate.below") {
		p.missing(at+".error_rate.below", "write the error rate that users may get from any version, e.g. 1%")
	}
	p.share(at+".error_rate.below", limit)
	latency := r.Verification.System.Latency
	asks := slices.IndexFunc(r.Triggers, func(t Trigger) bool { return kinds[t.Type].section == "latency" })
	switch declared := len(r.Metrics.AllLatencies()) > 0; {
	case latency == nil && asks >= 0 && declared:
		p.missing(at+".latency", fmt.Sprintf("trigger %q can roll back for latency, so its recovery must be measured, e.g. `latency: {quantile: 0.95}`", r.Triggers[asks].Name))
	case latency != nil && !declared:
		p.add(at+".latency", "asks for latency, but metrics.latency is missing", "declare metrics.latency with histogram, kind and buckets")
	case latency != nil:
		r.checkLatencyCheck(p, at+".latency", *latency)
	}
}

func (r *Runbook) checkLatencyCheck(p *decoder, at string, c LatencyCheck) {
	l, ok := r.checkLatency(p, at, c.Latency)
	switch written := p.has(at + ".quantile"); {
	case ok && l.IsMean() && written:
		p.add(at+".quantile", l.title()+" has a sum and a count, and so no quantile", "leave it out: the mean is checked")
	case ok && l.IsMean():
	case !written:
		p.missing(at+".quantile", "write 0.95 for P95")
	case c.Quantile <= 0 || c.Quantile >= 1:
		p.add(at+".quantile", fmt.Sprintf("%v is not between 0 and 1", c.Quantile), "write 0.95 for P95")
	}
}

// Pairing is how a pod tells what it serves with what: a gauge of 1 for each pod with
// the bundle, the feature encoder or the model's version as labels, beside the labels
// that every series of the service carries.
type Pairing struct {
	Metric  string `yaml:"metric" json:"metric"`                         // e.g. model_bundle_info
	Where   string `yaml:"where,omitempty" json:"where,omitempty"`       // matchers without braces, beside the selector
	Bundle  string `yaml:"bundle_label" json:"bundle_label,omitempty"`   // label with the bundle's digest, or its first 12 hex digits or more
	Encoder string `yaml:"encoder_label" json:"encoder_label,omitempty"` // label with features.encoder
	Model   string `yaml:"model_label" json:"model_label,omitempty"`     // label with model.registry.version
}

// Labels are those that are compared.
func (q *Pairing) Labels() []string {
	var out []string
	for _, l := range []string{q.Bundle, q.Encoder, q.Model} {
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}

func (q *Pairing) check(p *decoder) {
	const at = "verification.pairing"
	if q == nil {
		return
	}
	p.where(at+".where", q.Where, nil)
	p.metric(at+".metric", q.Metric, "name the gauge that tells what each pod serves, e.g. model_bundle_info")
	for field, label := range map[string]string{"bundle_label": q.Bundle, "encoder_label": q.Encoder, "model_label": q.Model} {
		if label != "" {
			p.label(at+"."+field, label)
		}
	}
	if len(q.Labels()) == 0 {
		p.missing(at+".bundle_label", "name the label that holds the bundle's digest, or encoder_label, or model_label")
	}
}

// EvidenceArchived is the box that needs more than a runbook: an archive that takes evidence.
const EvidenceArchived = "evidence archived"

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
			"each version reads its own flags under " + r.Routing.Flags + ", written in the transaction that " + r.Routing.does(), ""}
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
	if placeholder.MatchString(r.Evidence.Archive) {
		return SelfCheck{"evidence archived", false, quoted(r.Evidence.Archive) + " is the template's: nothing is kept there",
			"name the place where your team copies the folder to, e.g. a bucket with object lock"}
	}
	if r.Evidence.Archive != "" {
		return SelfCheck{EvidenceArchived, true,
			fmt.Sprintf("kept %s in %s", r.Evidence.Keep, r.Evidence.Archive), ""}
	}
	return SelfCheck{EvidenceArchived, false,
		"evidence.archive is not set: the folder stays on the daemon's disk",
		"name the place where your team copies it to, e.g. a bucket with object lock"}
}
