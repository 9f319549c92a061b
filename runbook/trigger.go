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
// becomes exactly one alert. For is the window of the effect, not Prometheus' for.
type Trigger struct {
	Name     string      `yaml:"name" json:"name"` // ^[a-z0-9][a-z0-9-]{0,62}$, unique in the runbook
	Type     TriggerType `yaml:"type" json:"type"`
	Severity Severity    `yaml:"severity" json:"severity"`
	For      Duration    `yaml:"for" json:"for"`
	Style    Style       `yaml:"style,omitempty" json:"style,omitempty"` // empty is ByEvidence, where the type has evidence at all

	Quantile float64  `yaml:"quantile,omitempty" json:"quantile,omitempty"`   // latency_quantile, absolute_slo with ceiling; 0 < q < 1
	Increase Ratio    `yaml:"increase,omitempty" json:"increase,omitempty"`   // latency_quantile: relative to stable, 0.3 = +30 %
	Ceiling  Duration `yaml:"ceiling,omitempty" json:"ceiling,omitempty"`     // latency_quantile: the candidate's limit; absolute_slo: every version's
	Above    Ratio    `yaml:"above,omitempty" json:"above,omitempty"`         // error_rate, absolute_slo: share of requests; schema_mismatch: of checks, default 0.1 %
	By       Ratio    `yaml:"by,omitempty" json:"by,omitempty"`               // over stable, in points: error_increase 0.5 %, null_spike 1 %, compare 0.5 % by default
	MinRatio float64  `yaml:"min_ratio,omitempty" json:"min_ratio,omitempty"` // error_increase, compare: at least so many times stable's share; 1 to 100, default 1.5
	KPI      string   `yaml:"kpi,omitempty" json:"kpi,omitempty"`             // kpi_drop
	Drop     Ratio    `yaml:"drop,omitempty" json:"drop,omitempty"`           // kpi_drop: relative to stable, 0.02 = -2 %
	Below    Ratio    `yaml:"below,omitempty" json:"below,omitempty"`         // canary_starved: share of the wanted traffic, default 50 %

	Distribution string  `yaml:"distribution,omitempty" json:"distribution,omitempty"` // distribution_shift: one of metrics.distributions
	Distance     Ratio   `yaml:"distance,omitempty" json:"distance,omitempty"`         // distribution_shift: Kolmogorov-Smirnov, the greatest gap between the cumulative shares; default 10 %
	PSI          float64 `yaml:"psi,omitempty" json:"psi,omitempty"`                   // distribution_shift: population stability index instead; 0 < psi <= 10
	Against      string  `yaml:"against,omitempty" json:"against,omitempty"`           // distribution_shift: stable (default) or reference, which only pages

	Bad  string `yaml:"bad,omitempty" json:"bad,omitempty"`   // compare: a counter's selector, e.g. fallbacks_total{kind="empty"}
	All  string `yaml:"all,omitempty" json:"all,omitempty"`   // compare: the counter of what could have been bad
	Expr string `yaml:"expr,omitempty" json:"expr,omitempty"` // anomaly: PromQL that answers with series if and only if it is true

	// Unprotected lets a trigger without a comparison be severe: anomaly, drift_gauge.
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
