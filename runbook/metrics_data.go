package runbook

// FeatureNulls is how missing feature values are counted, for null_spike.
type FeatureNulls struct {
	Nulls string `yaml:"nulls" json:"nulls"` // counter of missing values, by Label
	Rows  string `yaml:"rows" json:"rows"`   // counter of rows: by Label too, or shared
	Label string `yaml:"label" json:"label"` // the label that names the feature, default "feature"
	// SharedRows says that Rows has no Label, one count serves all features. A feature that only
	// the candidate has is then compared with 0.
	SharedRows bool `yaml:"shared_rows,omitempty" json:"shared_rows,omitempty"`
}

// Schemas is how rows that do not fit the model's schema are counted.
type Schemas struct {
	Mismatches string `yaml:"mismatches" json:"mismatches"` // counter of what does not fit
	Checked    string `yaml:"checked" json:"checked"`       // counter of what was checked; default requests.counter
}

// A Distribution is a histogram of a feature or of the model's score.
type Distribution struct {
	Name      string        `yaml:"name" json:"name"`           // lower-case letters, digits and dashes
	Histogram string        `yaml:"histogram" json:"histogram"` // the name without _bucket
	Kind      HistogramKind `yaml:"kind" json:"kind"`           // a native one is not built yet
	Buckets   []float64     `yaml:"buckets" json:"buckets"`     // the finite le bounds that the service has, ascending, 50 at most
	// Reference is the share of the training data at or below each of Buckets,
	// ascending; for distribution_shift against the reference.
	Reference []Ratio `yaml:"reference,omitempty" json:"reference,omitempty"`
}

// Drift is where an external drift job puts its gauges, one series for each model
// version, feature, segment and statistic, with the same labels on all three: a score
// above its threshold is drift. Gauges hold their last value for ever, so one whose
// last run is older than MaxAge says nothing.
type Drift struct {
	Selector  string   `yaml:"selector" json:"selector"`   // matchers without braces; default metrics.selector
	Score     string   `yaml:"score" json:"score"`         // gauge of the score; default ml_drift_score
	Threshold string   `yaml:"threshold" json:"threshold"` // gauge of its threshold; default ml_drift_threshold
	LastRun   string   `yaml:"last_run" json:"last_run"`   // gauge of when the job ran, Unix seconds; default ml_drift_last_run_timestamp_seconds
	MaxAge    Duration `yaml:"max_age" json:"max_age"`     // how old a score may be: write twice the job's interval
}

// Distribution returns the distribution of that name.
func (m Metrics) Distribution(name string) (Distribution, bool) {
	for _, d := range m.Distributions {
		if d.Name == name {
			return d, true
		}
	}
	return Distribution{}, false
}
