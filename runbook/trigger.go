package runbook

import (
	"fmt"
	"slices"
)

// TriggerType is the kind of question a trigger asks.
type TriggerType string

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

	Latency  string   `yaml:"latency,omitempty" json:"latency,omitempty"`     // latency_quantile, latency_mean, absolute_slo with ceiling: one of metrics.latencies; left out: the first
	Quantile float64  `yaml:"quantile,omitempty" json:"quantile,omitempty"`   // latency_quantile, absolute_slo with ceiling; 0.95 for P95
	Increase Ratio    `yaml:"increase,omitempty" json:"increase,omitempty"`   // latency_quantile, latency_mean: how much slower than stable is too slow
	Ceiling  Duration `yaml:"ceiling,omitempty" json:"ceiling,omitempty"`     // latency_quantile, latency_mean: the candidate's limit; absolute_slo: every version's
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

	// Unprotected lets a trigger without significance be severe: anomaly, drift_gauge, latency_mean.
	Unprotected bool `yaml:"unprotected,omitempty" json:"unprotected,omitempty"`

	// Line is the trigger's line in the runbook file, for messages.
	Line int `yaml:"-" json:"-"`
}

// String says the trigger in the words of a runbook, e.g. "P95 latency 30% above
// stable over 5m".
func (t Trigger) String() string {
	if k, ok := kinds[t.Type]; ok {
		return k.sentence(t)
	}
	return "trigger of the unknown type " + string(t.Type)
}

// Reading says a measured effect of the trigger and its limit as two phrases, e.g.
// "error rate 2.1 points above stable" and "0.5 points". What the value means is the type's:
// a ratio of quantiles or of KPIs, candidate to stable; a share of requests; seconds. Of a
// trigger without a type it is a number without a limit.
func (t Trigger) Reading(value float64) (effect, limit string) {
	return t.ReadingAgainst("stable", value)
}

// ReadingAgainst is [Trigger.Reading] with the stable version's name, e.g. "error rate 2.1 points above v1".
func (t Trigger) ReadingAgainst(stable string, value float64) (effect, limit string) {
	if read := kinds[t.Type].reading; read != nil {
		return read(t, value, stable)
	}
	return Figure(value), ""
}

// Absolute reports whether the trigger is about what any version does, so that no
// breach of it is the candidate's fault.
func (t Trigger) Absolute() bool {
	_, why := t.anyVersion()
	return why != ""
}

// anyVersion names what an absolute trigger is, and says why it only pages.
func (t Trigger) anyVersion() (name, why string) {
	if absolute := kinds[t.Type].absolute; absolute != nil {
		return absolute(t)
	}
	return "", ""
}

// Comparative reports whether the trigger holds the candidate's events against stable's.
func (t Trigger) Comparative() bool { return !t.Absolute() && !kinds[t.Type].uncompared }

// Proved reports whether the trigger's alert demands a proof against chance, an e-value
// from candidate and stable at the same time.
func (t Trigger) Proved() bool { return t.Comparative() && t.Style != ByThreshold }

// Lasting reports whether the trigger must be true all the time for its window, because
// no proof guards it against chance.
func (t Trigger) Lasting() bool { return t.Style == ByThreshold || kinds[t.Type].uncompared }

// EffectWindow is over what length the effect is measured: a trigger that must be true all
// the time looks at the shortest honest window each time.
func (t Trigger) EffectWindow(interval Duration) Duration {
	if t.Style == ByThreshold || kinds[t.Type].brief {
		return leastIntervals * interval
	}
	return t.For
}

// Gap is the limit of a distribution's shift: a PSI, or a distance.
func (t Trigger) Gap() float64 {
	if t.PSI > 0 {
		return t.PSI
	}
	return float64(t.Distance)
}

// section names the part of metrics that the trigger measures beside the requests.
func (t Trigger) section() string {
	if t.Ceiling > 0 {
		return "latency"
	}
	return kinds[t.Type].section
}

// applyDefaults sets the trigger's defaults, by its type. The types of a plain threshold
// have no window by default: their sentence is not complete without one.
func (t *Trigger) applyDefaults(p *decoder, at string) {
	t.Line = p.line(at)
	k := kinds[t.Type]
	if k.defaults != nil {
		k.defaults(p, at, t)
	}
	if k.window > 0 {
		setDefault(p, at+".for", &t.For, Duration(k.window))
	}
	switch {
	case k.uncompared:
		setDefault(p, at+".severity", &t.Severity, Mild)
	case t.Absolute():
		setDefault(p, at+".severity", &t.Severity, Page)
	}
}

func (r *Runbook) checkTriggers(p *decoder) {
	if len(r.Triggers) == 0 {
		p.missing("triggers", "state at least one, e.g. "+
			"`{name: error-rate, type: error_rate, severity: severe, above: 5%, for: 3m}`")
	}
	for i, t := range r.Triggers {
		at := fmt.Sprintf("triggers[%d]", i)
		p.name(at+".name", t.Name)
		if first := slices.IndexFunc(r.Triggers, func(o Trigger) bool { return o.Name == t.Name }); first < i {
			p.add(at+".name", fmt.Sprintf("%q is already used in line %d", t.Name, r.Triggers[first].Line), "give each trigger its own name")
		}
		k, known := kinds[t.Type]
		if !known {
			p.oneOf(at+".type", string(t.Type), triggerTypes()...)
		}
		t.checkSeverity(p, at)
		if known {
			t.checkFields(p, at)
		}
		r.checkWindow(p, at, t)
		r.checkSection(p, at, t)
		if k.check != nil {
			k.check(p, at, t, r)
		}
	}
}

func (t Trigger) checkSeverity(p *decoder, at string) {
	name, pages := t.anyVersion()
	switch at += ".severity"; {
	case pages != "" && t.Severity != Page:
		p.add(at, fmt.Sprintf("%q does not belong to %s", t.Severity, name), "leave it out: "+pages)
	case pages != "":
	case t.Severity == Page:
		p.add(at, "\"page\" belongs to absolute_slo only", "write severe (roll back at once) or mild (ask a human)")
	case t.Severity == Severe && kinds[t.Type].uncompared && !t.Unprotected:
		p.add(at, fmt.Sprintf("\"severe\" needs evidence, and a trigger of type %s has none", t.Type),
			"write mild; or, to roll back on it anyway, `unprotected: true` beside it")
	default:
		p.oneOf(at, string(t.Severity), string(Severe), string(Mild))
	}
}

// fieldExamples are all fields that some type demands or allows.
var fieldExamples = map[string]string{
	"quantile": "quantile: 0.95", "increase": "increase: 30%", "above": "above: 5%", "by": "by: 0.5%", "min_ratio": "min_ratio: 1.5",
	"kpi": "kpi: conversion", "drop": "drop: 2%", "ceiling": "ceiling: 800ms", "below": "below: 50%", "style": "style: threshold",
	"distribution": "distribution: score", "distance": "distance: 10%", "psi": "psi: 0.25", "against": "against: stable",
	"latency": "latency: ttft", "bad": `bad: fallbacks_total{kind="empty"}`, "all": "all: requests_total", "expr": "expr: queue_length > 100", "unprotected": "unprotected: true",
}

// checkFields demands the fields of the trigger's type and refuses all others.
func (t Trigger) checkFields(p *decoder, at string) {
	k := kinds[t.Type]
	need := k.need
	if k.either != nil {
		need = append(slices.Clone(need), k.either(p, at)...)
	}
	for _, field := range sortedKeys(fieldExamples) {
		path := join(at, field)
		switch needed := slices.Contains(need, field); {
		case needed && !p.has(path):
			p.missing(path, fmt.Sprintf("a trigger of type %s needs it, e.g. `%s`", t.Type, fieldExamples[field]))
		case !needed && !slices.Contains(k.may, field) && p.has(path):
			p.add(path, fmt.Sprintf("does not belong to a trigger of type %s", t.Type), "remove it, or change the type")
		}
	}
	t.checkSizes(p, at)
	if p.has(at + ".style") {
		p.oneOf(at+".style", string(t.Style), string(ByEvidence), string(ByThreshold))
	}
}

func (t Trigger) checkSizes(p *decoder, at string) {
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

// share checks a ratio that must lie strictly between 0 and 1, if it was written.
func (p *decoder) share(path string, r Ratio) {
	if p.has(path) && (r <= 0 || r >= 1) {
		p.add(path, fmt.Sprintf("%s is not between 0%% and 100%%", r), "write a share such as 5%")
	}
}

// leastIntervals: windows shorter than this judge noise.
const leastIntervals = 4

func (r *Runbook) checkWindow(p *decoder, at string, t Trigger) {
	step, least, why := r.Metrics.Step(), r.LeastWindow(t), "a shorter window judges noise"
	if k := kinds[t.Type]; k.intervals > 0 {
		why = k.tooShort
	}
	switch at += ".for"; {
	case !p.has(at) && t.For == 0:
		p.missing(at, "state the window of the effect, e.g. `for: 5m`")
	case step > 0 && t.For < least:
		p.add(at, fmt.Sprintf("%s is less than %d %s", t.For, least/step, r.Metrics.steps()),
			fmt.Sprintf("write %s or more: %s", least, why))
	}
}

// sections are the parts of metrics that only some triggers measure.
var sections = map[string]struct {
	what, fields string
	missing      func(Metrics) bool
}{
	"latency":  {"latency", "histogram, kind and buckets", func(m Metrics) bool { return len(m.AllLatencies()) == 0 }},
	"features": {"missing values", "the counters nulls and rows", func(m Metrics) bool { return m.Features == nil }},
	"schema":   {"schema mismatches", "the counter mismatches", func(m Metrics) bool { return m.Schema == nil }},
	"drift":    {"drift gauges", "selector and max_age", func(m Metrics) bool { return m.Drift == nil }},
}

// checkSection checks that what the trigger measures has been declared.
func (r *Runbook) checkSection(p *decoder, at string, t Trigger) {
	name := t.section()
	if p.has(at + ".ceiling") {
		name = "latency"
	}
	if s, ok := sections[name]; ok && s.missing(r.Metrics) {
		p.add(at, fmt.Sprintf("asks for %s, but metrics.%s is missing", s.what, name), "declare metrics."+name+" with "+s.fields)
	}
}

// Undeclared says what the trigger measures and the runbook does not declare; empty if
// nothing is missing.
func (r *Runbook) Undeclared(t Trigger) string {
	name, need := t.section(), kinds[t.Type].need
	_, kpi := r.KPI(t.KPI)
	_, distribution := r.Metrics.Distribution(t.Distribution)
	_, latency := r.Metrics.LatencyOf(t.Latency)
	switch s, ok := sections[name]; {
	case ok && s.missing(r.Metrics):
		return "metrics." + name + " is missing"
	case slices.Contains(need, "kpi") && !kpi:
		return fmt.Sprintf("kpi %q is not declared", t.KPI)
	case slices.Contains(need, "distribution") && !distribution:
		return fmt.Sprintf("distribution %q is not declared", t.Distribution)
	case name == "latency" && !latency:
		return fmt.Sprintf("latency %q is not declared", t.Latency)
	}
	return ""
}

func (p *decoder) undeclared(path, name string, known []KPI) {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	p.unknown(path, name, names, "declare it under metrics.kpis with its two counters")
}

func (p *decoder) unknown(path, name string, names []string, fix string) {
	if near := Nearest(name, names); near != "" {
		fix = fmt.Sprintf("did you mean %q?", near)
	}
	p.add(path, fmt.Sprintf("%q is not declared", name), fix)
}
