package runbook

import (
	"fmt"
	"slices"
)

// Windows shorter than this many intervals judge noise. A KPI's needs more: over a
// short one it is a bare threshold, which rolls back nearly every good release.
const (
	leastIntervals    = 4
	leastKPIIntervals = 20
)

func (r *Runbook) checkTriggers(p *page) {
	if len(r.Triggers) == 0 {
		p.missing("triggers", "state at least one, e.g. `{name: error-rate, type: error_rate, severity: severe, above: 5%, for: 3m}`")
	}
	for i, t := range r.Triggers {
		at := fmt.Sprintf("triggers[%d]", i)
		p.name(at+".name", t.Name)
		if first := slices.IndexFunc(r.Triggers, func(o Trigger) bool { return o.Name == t.Name }); first < i {
			p.add(at+".name", fmt.Sprintf("%q is already used in line %d", t.Name, r.Triggers[first].Line), "give each trigger its own name")
		}
		p.oneOf(at+".type", string(t.Type), triggerTypes()...)
		t.checkSeverity(p, at)
		t.checkFields(p, at)
		r.checkWindow(p, at, t)
		r.checkSubject(p, at, t)
	}
}

func triggerTypes() []string {
	var out []string
	for _, t := range []TriggerType{LatencyQuantile, ErrorRate, ErrorIncrease, KPIDrop, NullSpike, SchemaMismatch,
		DistributionShift, CanaryStarved, Compare, Anomaly, DriftGauge, AbsoluteSLO} {
		out = append(out, string(t))
	}
	return out
}

func (t Trigger) checkSeverity(p *page, at string) {
	switch at += ".severity"; {
	case t.Type == AbsoluteSLO && t.Severity != Page:
		p.add(at, fmt.Sprintf("%q does not belong to absolute_slo", t.Severity), "leave it out: an absolute limit pages and never moves traffic, because any version may break it")
	case t.Absolute() && t.Severity != Page:
		p.add(at, fmt.Sprintf("%q does not belong to a shift against the reference", t.Severity), "leave it out: both versions see the same changed world, so it pages and never moves traffic")
	case t.Absolute():
	case t.Severity == Page:
		p.add(at, "\"page\" belongs to absolute_slo only", "write severe (roll back at once) or mild (ask a human)")
	case t.Severity == Severe && (t.Type == Anomaly || t.Type == DriftGauge) && !t.Unprotected:
		p.add(at, fmt.Sprintf("\"severe\" needs evidence, and a trigger of type %s has none", t.Type), "write mild; or, to roll back on it all the same, `unprotected: true` beside it")
	default:
		p.oneOf(at, string(t.Severity), string(Severe), string(Mild))
	}
}

func (t Trigger) absoluteFields(p *page, at string) []string {
	above, latency := p.has(at+".above"), p.has(at+".ceiling") || p.has(at+".quantile")
	switch {
	case above && latency:
		p.add(at+".above", "stands beside quantile and ceiling", "write two triggers: one limit each")
		return []string{"above", "quantile", "ceiling"}
	case latency:
		return []string{"quantile", "ceiling"}
	default:
		return []string{"above"}
	}
}

// share checks a ratio that must lie strictly between 0 and 1, if it was written.
func (p *page) share(path string, r Ratio) {
	if p.has(path) && (r <= 0 || r >= 1) {
		p.add(path, fmt.Sprintf("%s is not between 0%% and 100%%", r), "write a share such as 5%")
	}
}

func (r *Runbook) checkWindow(p *page, at string, t Trigger) {
	interval, least, why := r.Metrics.Interval, Duration(leastIntervals), "a shorter window judges noise"
	if t.Type == KPIDrop {
		least, why = leastKPIIntervals, "over a shorter window a KPI is a bare threshold on noise"
	}
	switch at += ".for"; {
	case !p.has(at) && t.For == 0:
		p.missing(at, "state the window of the effect, e.g. `for: 5m`")
	case interval > 0 && t.For < least*interval:
		p.add(at, fmt.Sprintf("%s is less than %d intervals of %s", t.For, least, interval),
			fmt.Sprintf("write %s or more: %s", least*interval, why))
	}
}

// checkSubject checks that what the trigger measures has been declared.
func (r *Runbook) checkSubject(p *page, at string, t Trigger) {
	if t.KPI != "" {
		if _, ok := r.KPI(t.KPI); !ok {
			p.undeclared(at+".kpi", t.KPI, r.Metrics.KPIs)
		}
	}
	m := r.Metrics
	lacks := func(missing bool, what, field, mend string) {
		if missing {
			p.add(at, fmt.Sprintf("asks for %s, but metrics.%s is missing", what, field), "declare metrics."+field+" with "+mend)
		}
	}
	lacks(m.Latency == nil && (t.Type == LatencyQuantile || p.has(at+".ceiling")), "latency", "latency", "histogram, kind and buckets")
	lacks(m.Features == nil && t.Type == NullSpike, "missing values", "features", "the counters nulls and rows")
	lacks(m.Schema == nil && t.Type == SchemaMismatch, "schema mismatches", "schema", "the counter mismatches")
	lacks(m.Drift == nil && t.Type == DriftGauge, "drift gauges", "drift", "selector and max_age")
	r.checkShift(p, at, t)
	t.checkPromQL(p, at, r.Metrics.sides())
}

// checkShift checks that the distribution is declared, with a reference if one is used.
func (r *Runbook) checkShift(p *page, at string, t Trigger) {
	if t.Distribution == "" {
		return
	}
	d, ok := r.Metrics.Distribution(t.Distribution)
	switch {
	case !ok:
		var names []string
		for _, d := range r.Metrics.Distributions {
			names = append(names, d.Name)
		}
		p.unknown(at+".distribution", t.Distribution, names, "declare it under metrics.distributions with its histogram")
	case t.Against == AgainstReference && len(d.Reference) == 0:
		p.add(at+".against", fmt.Sprintf("%q has no reference", d.Name), "list under metrics.distributions, as reference, the share of the training data at or below each of its buckets")
	}
}

func (p *page) undeclared(path, name string, known []KPI) {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	p.unknown(path, name, names, "declare it under metrics.kpis with its two counters")
}

func (p *page) unknown(path, name string, names []string, mend string) {
	if near := nearest(name, names); near != "" {
		mend = fmt.Sprintf("did you mean %q?", near)
	}
	p.add(path, fmt.Sprintf("%q is not declared", name), mend)
}
