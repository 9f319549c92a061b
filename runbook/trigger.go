package runbook

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
