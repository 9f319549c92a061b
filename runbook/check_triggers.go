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
		p.oneOf(at+".type", string(t.Type), string(LatencyQuantile), string(ErrorRate), string(KPIDrop), string(AbsoluteSLO))
		t.checkSeverity(p, at)
		t.checkFields(p, at)
		r.checkWindow(p, at, t)
		r.checkSubject(p, at, t)
	}
}

func (t Trigger) checkSeverity(p *page, at string) {
	switch at += ".severity"; {
	case t.Type == AbsoluteSLO && t.Severity != Page:
		p.add(at, fmt.Sprintf("%q does not belong to absolute_slo", t.Severity), "leave it out: an absolute limit pages and never moves traffic, because any version may break it")
	case t.Type != AbsoluteSLO && t.Severity == Page:
		p.add(at, "\"page\" belongs to absolute_slo only", "write severe (roll back at once) or mild (ask a human)")
	case t.Type != AbsoluteSLO:
		p.oneOf(at, string(t.Severity), string(Severe), string(Mild))
	}
}

// checkFields demands the fields of the trigger's type and refuses all others.
func (t Trigger) checkFields(p *page, at string) {
	var want []string
	switch t.Type {
	case LatencyQuantile:
		want = []string{"quantile", "increase"}
	case ErrorRate:
		want = []string{"above"}
	case KPIDrop:
		want = []string{"kpi", "drop"}
	case AbsoluteSLO:
		want = t.absoluteFields(p, at)
	default:
		return
	}
	example := map[string]string{
		"quantile": "quantile: 0.95", "increase": "increase: 30%", "above": "above: 5%",
		"kpi": "kpi: conversion", "drop": "drop: 2%", "ceiling": "ceiling: 800ms",
	}
	for _, field := range sortedKeys(example) {
		path := join(at, field)
		switch wanted := slices.Contains(want, field); {
		case wanted && !p.has(path):
			p.missing(path, fmt.Sprintf("a trigger of type %s needs it, e.g. `%s`", t.Type, example[field]))
		case !wanted && p.has(path):
			p.add(path, fmt.Sprintf("does not belong to a trigger of type %s", t.Type), "remove it, or change the type")
		}
	}
	t.checkSizes(p, at)
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

func (t Trigger) checkSizes(p *page, at string) {
	if p.has(at+".quantile") && (t.Quantile <= 0 || t.Quantile >= 1) {
		p.add(at+".quantile", fmt.Sprintf("%v is not between 0 and 1", t.Quantile), "write 0.95 for P95")
	}
	if p.has(at+".increase") && t.Increase <= 0 {
		p.add(at+".increase", "must be above 0%", "write how much slower than stable is too slow, e.g. 30%")
	}
	p.share(at+".above", t.Above)
	p.share(at+".drop", t.Drop)
	if p.has(at + ".ceiling") {
		p.positive(at+".ceiling", t.Ceiling)
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
	case !p.has(at):
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
	if r.Metrics.Latency == nil && (t.Type == LatencyQuantile || p.has(at+".ceiling")) {
		p.add(at, "asks for latency, but metrics.latency is missing", "declare metrics.latency with histogram, kind and buckets")
	}
}

func (p *page) undeclared(path, name string, known []KPI) {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	mend := "declare it under metrics.kpis with its two counters"
	if near := nearest(name, names); near != "" {
		mend = fmt.Sprintf("did you mean %q?", near)
	}
	p.add(path, fmt.Sprintf("%q is not declared", name), mend)
}
