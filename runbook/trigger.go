package runbook

import (
	"fmt"
	"slices"
	"time"
)

// TriggerType is the kind of question a trigger asks.
type TriggerType string

const (
	LatencyQuantile   TriggerType = "latency_quantile"   // quantile, increase and/or ceiling
	ErrorRate         TriggerType = "error_rate"         // above
	ErrorIncrease     TriggerType = "error_increase"     // by, min_ratio
	KPIDrop           TriggerType = "kpi_drop"           // kpi, drop
	NullSpike         TriggerType = "null_spike"         // by
	SchemaMismatch    TriggerType = "schema_mismatch"    // above
	DistributionShift TriggerType = "distribution_shift" // distribution, distance or psi, against
	CanaryStarved     TriggerType = "canary_starved"     // below
	Compare           TriggerType = "compare"            // bad, all, by, min_ratio
	Anomaly           TriggerType = "anomaly"            // expr, unprotected
	DriftGauge        TriggerType = "drift_gauge"        // unprotected
	AbsoluteSLO       TriggerType = "absolute_slo"       // above, or quantile and ceiling; any version
)

// Severity says what a confirmed breach asks for.
type Severity string

const (
	Severe Severity = "severe" // roll back at once
	Mild   Severity = "mild"   // ask a human
	Page   Severity = "page"   // tell a human, freeze promotion, never move traffic (absolute triggers only)
)

// Style is how a trigger guards against chance.
type Style string

const (
	ByEvidence  Style = "evidence"  // the effect over the window, and evidence; the default
	ByThreshold Style = "threshold" // the effect over four intervals, all the time for the length of the window
)

// What a distribution is held against.
const (
	AgainstStable    = "stable"
	AgainstReference = "reference"
)

// A Trigger is one sentence of the runbook, e.g. "P95 latency +30 % for 5 m". Each
// becomes exactly one alert.
type Trigger struct {
	Name     string      `yaml:"name" json:"name"`                       // lower-case letters, digits and dashes; unique in the runbook
	Type     TriggerType `yaml:"type" json:"type"`                       // the kind of question
	Severity Severity    `yaml:"severity" json:"severity"`               // severe: roll back at once; mild: ask a human; page, of absolute_slo and shifts against the reference alone: freeze promotion
	For      Duration    `yaml:"for" json:"for"`                         // the window of the effect, not a waiting time; at least 4 intervals, of a KPI 20
	Style    Style       `yaml:"style,omitempty" json:"style,omitempty"` // left out, evidence: it must be significant; threshold: a bare threshold over four intervals, all the time

	Quantile float64  `yaml:"quantile,omitempty" json:"quantile,omitempty"`   // latency_quantile, absolute_slo with ceiling; 0.95 for P95
	Increase Ratio    `yaml:"increase,omitempty" json:"increase,omitempty"`   // latency_quantile: how much slower than stable is too slow
	Ceiling  Duration `yaml:"ceiling,omitempty" json:"ceiling,omitempty"`     // latency_quantile: the candidate's limit; absolute_slo: every version's
	Above    Ratio    `yaml:"above,omitempty" json:"above,omitempty"`         // error_rate, absolute_slo: share of requests; schema_mismatch: share of checks
	By       Ratio    `yaml:"by,omitempty" json:"by,omitempty"`               // error_increase, null_spike, compare: how many points above stable
	MinRatio float64  `yaml:"min_ratio,omitempty" json:"min_ratio,omitempty"` // error_increase, compare: at least so many times stable's share; 1 to 100
	KPI      string   `yaml:"kpi,omitempty" json:"kpi,omitempty"`             // kpi_drop: one of metrics.kpis
	Drop     Ratio    `yaml:"drop,omitempty" json:"drop,omitempty"`           // kpi_drop: how far below stable, relative to stable's value
	Below    Ratio    `yaml:"below,omitempty" json:"below,omitempty"`         // canary_starved: share of the traffic that its weight asks for

	Distribution string  `yaml:"distribution,omitempty" json:"distribution,omitempty"` // distribution_shift: one of metrics.distributions
	Distance     Ratio   `yaml:"distance,omitempty" json:"distance,omitempty"`         // distribution_shift: Kolmogorov-Smirnov, the greatest gap between the cumulative shares
	PSI          float64 `yaml:"psi,omitempty" json:"psi,omitempty"`                   // distribution_shift: population stability index instead; above 0, at most 10
	Against      string  `yaml:"against,omitempty" json:"against,omitempty"`           // distribution_shift: the stable side, or the reference of the training data, which only pages

	Bad  string `yaml:"bad,omitempty" json:"bad,omitempty"`   // compare: a counter's selector, e.g. fallbacks_total{kind="empty"}
	All  string `yaml:"all,omitempty" json:"all,omitempty"`   // compare: the counter of what could have been bad
	Expr string `yaml:"expr,omitempty" json:"expr,omitempty"` // anomaly: PromQL that answers with series if and only if it is true

	// Unprotected lets a trigger without significance be severe: anomaly, drift_gauge.
	Unprotected bool `yaml:"unprotected,omitempty" json:"unprotected,omitempty"`

	// Line is the trigger's line in the runbook file, for messages.
	Line int `yaml:"-" json:"-"`
}

// Absolute reports whether the trigger is about what any version does, so that no
// breach of it is the candidate's fault.
func (t Trigger) Absolute() bool {
	return t.Type == AbsoluteSLO || t.Type == DistributionShift && t.Against == AgainstReference
}

// Proved reports whether the trigger's alert demands a proof against chance, an e-value
// from candidate and stable at the same time.
func (t Trigger) Proved() bool {
	return !t.Absolute() && t.Style != ByThreshold && t.Type != Anomaly && t.Type != DriftGauge
}

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

// fields are what a trigger's type demands and allows beside name, type, severity and
// for.
func (t Trigger) fields(p *page, at string) (need, may []string) {
	switch t.Type {
	case LatencyQuantile:
		if p.has(at + ".ceiling") {
			return []string{"quantile", "ceiling"}, []string{"increase", "style"}
		}
		return []string{"quantile", "increase"}, []string{"style"}
	case ErrorRate:
		return []string{"above"}, []string{"style"}
	case ErrorIncrease:
		return nil, []string{"by", "min_ratio", "style"}
	case KPIDrop:
		return []string{"kpi", "drop"}, []string{"style"}
	case NullSpike:
		return nil, []string{"by"}
	case SchemaMismatch:
		return nil, []string{"above", "style"}
	case DistributionShift:
		return []string{"distribution"}, []string{"distance", "psi", "against"}
	case CanaryStarved:
		return nil, []string{"below"}
	case Compare:
		return []string{"bad", "all"}, []string{"by", "min_ratio", "style"}
	case Anomaly:
		return []string{"expr"}, []string{"unprotected"}
	case DriftGauge:
		return nil, []string{"unprotected"}
	default:
		return t.absoluteFields(p, at), nil
	}
}

// checkFields demands the fields of the trigger's type and refuses all others.
func (t Trigger) checkFields(p *page, at string) {
	if !slices.Contains(triggerTypes(), string(t.Type)) {
		return
	}
	example := map[string]string{
		"quantile": "quantile: 0.95", "increase": "increase: 30%", "above": "above: 5%", "by": "by: 0.5%", "min_ratio": "min_ratio: 1.5",
		"kpi": "kpi: conversion", "drop": "drop: 2%", "ceiling": "ceiling: 800ms", "below": "below: 50%", "style": "style: threshold",
		"distribution": "distribution: score", "distance": "distance: 10%", "psi": "psi: 0.25", "against": "against: stable",
		"bad": `bad: fallbacks_total{kind="empty"}`, "all": "all: requests_total", "expr": "expr: queue_length > 100", "unprotected": "unprotected: true",
	}
	need, may := t.fields(p, at)
	for _, field := range sortedKeys(example) {
		path := join(at, field)
		switch needed := slices.Contains(need, field); {
		case needed && !p.has(path):
			p.missing(path, fmt.Sprintf("a trigger of type %s needs it, e.g. `%s`", t.Type, example[field]))
		case !needed && !slices.Contains(may, field) && p.has(path):
			p.add(path, fmt.Sprintf("does not belong to a trigger of type %s", t.Type), "remove it, or change the type")
		}
	}
	t.checkSizes(p, at)
	t.checkWords(p, at)
}

func (t Trigger) checkSizes(p *page, at string) {
	if p.has(at+".quantile") && (t.Quantile <= 0 || t.Quantile >= 1) {
		p.add(at+".quantile", fmt.Sprintf("%v is not between 0 and 1", t.Quantile), "write 0.95 for P95")
	}
	if p.has(at+".increase") && t.Increase <= 0 {
		p.add(at+".increase", "must be above 0%", "write how much slower than stable is too slow, e.g. 30%")
	}
	for field, r := range map[string]Ratio{"above": t.Above, "drop": t.Drop, "by": t.By, "below": t.Below, "distance": t.Distance} {
		p.share(join(at, field), r)
	}
	if p.has(at+".min_ratio") && (t.MinRatio < 1 || t.MinRatio > 100) {
		p.add(at+".min_ratio", fmt.Sprintf("%v is not between 1 and 100", t.MinRatio), "write how many times stable's share it must be, e.g. 1.5")
	}
	if p.has(at+".psi") && (t.PSI <= 0 || t.PSI > 10) {
		p.add(at+".psi", fmt.Sprintf("%v is not between 0 and 10", t.PSI), "write e.g. 0.25")
	}
	if p.has(at + ".ceiling") {
		p.positive(at+".ceiling", t.Ceiling)
	}
}

// checkWords checks the fields that are one of a few words, and pairs of fields.
func (t Trigger) checkWords(p *page, at string) {
	if p.has(at + ".style") {
		if t.Type == KPIDrop && t.Style == ByThreshold {
			p.add(at+".style", "\"threshold\" is refused for a KPI", "leave it out: as a bare threshold, a small drop of a KPI rolls back nearly every good release")
		}
		p.oneOf(at+".style", string(t.Style), string(ByEvidence), string(ByThreshold))
	}
	if p.has(at + ".against") {
		p.oneOf(at+".against", t.Against, AgainstStable, AgainstReference)
	}
	if p.has(at+".distance") && p.has(at+".psi") {
		p.add(at+".psi", "stands beside distance", "keep one of the two")
	}
	if t.PSI > 0 && t.Against == AgainstReference {
		p.add(at+".psi", "cannot be held against a reference", "write distance, e.g. 10%")
	}
}

// fill sets the trigger's defaults, by its type. The first four types have no window
// by default: their sentence is not complete without one.
func (t *Trigger) fill(p *page, at string) {
	t.Line = p.line(at)
	window := func(d time.Duration) { preset(p, at+".for", &t.For, Duration(d)) }
	switch t.Type {
	case ErrorIncrease, Compare:
		preset(p, at+".by", &t.By, 0.005)
		preset(p, at+".min_ratio", &t.MinRatio, 1.5)
		window(5 * time.Minute)
	case NullSpike:
		preset(p, at+".by", &t.By, 0.01)
		window(5 * time.Minute)
	case SchemaMismatch:
		preset(p, at+".above", &t.Above, 0.001)
		window(5 * time.Minute)
	case DistributionShift:
		t.fillShift(p, at)
		window(30 * time.Minute)
	case CanaryStarved:
		preset(p, at+".below", &t.Below, 0.5)
		window(3 * time.Minute)
	case Anomaly, DriftGauge:
		preset(p, at+".severity", &t.Severity, Mild)
		window(5 * time.Minute)
	}
	if t.Absolute() {
		preset(p, at+".severity", &t.Severity, Page)
	}
}

func (t *Trigger) fillShift(p *page, at string) {
	preset(p, at+".against", &t.Against, AgainstStable)
	if !p.has(at + ".psi") {
		preset(p, at+".distance", &t.Distance, 0.1)
	}
}
