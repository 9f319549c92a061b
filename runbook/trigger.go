package runbook

// TriggerType is the kind of question a trigger asks.
type TriggerType string

const (
	LatencyQuantile TriggerType = "latency_quantile" // quantile, increase
	ErrorRate       TriggerType = "error_rate"       // above
	KPIDrop         TriggerType = "kpi_drop"         // kpi, drop
	AbsoluteSLO     TriggerType = "absolute_slo"     // above, or quantile and ceiling; any version
)

// Severity says what a confirmed breach asks for.
type Severity string

const (
	Severe Severity = "severe" // roll back at once
	Mild   Severity = "mild"   // ask a human
	Page   Severity = "page"   // tell a human, freeze promotion, never move traffic (absolute_slo only)
)

// A Trigger is one sentence of the runbook, e.g. "P95 latency +30 % for 5 m". Each
// becomes exactly one alert. For is the window of the effect, not Prometheus' for.
type Trigger struct {
	Name     string      `yaml:"name" json:"name"` // ^[a-z0-9][a-z0-9-]{0,62}$, unique in the runbook
	Type     TriggerType `yaml:"type" json:"type"`
	Severity Severity    `yaml:"severity" json:"severity"`
	For      Duration    `yaml:"for" json:"for"`

	Quantile float64  `yaml:"quantile,omitempty" json:"quantile,omitempty"` // latency_quantile, absolute_slo with ceiling; 0 < q < 1
	Increase Ratio    `yaml:"increase,omitempty" json:"increase,omitempty"` // latency_quantile: relative to stable, 0.3 = +30 %
	Above    Ratio    `yaml:"above,omitempty" json:"above,omitempty"`       // error_rate, absolute_slo: share of requests
	KPI      string   `yaml:"kpi,omitempty" json:"kpi,omitempty"`           // kpi_drop
	Drop     Ratio    `yaml:"drop,omitempty" json:"drop,omitempty"`         // kpi_drop: relative to stable, 0.02 = -2 %
	Ceiling  Duration `yaml:"ceiling,omitempty" json:"ceiling,omitempty"`   // absolute_slo: the quantile's limit

	// Line is the trigger's line in the runbook file, for messages.
	Line int `yaml:"-" json:"-"`
}
