package runbook

import (
	"fmt"
	"slices"
)

// FeatureNulls is how missing feature values are counted, for null_spike.
type FeatureNulls struct {
	Nulls string `yaml:"nulls" json:"nulls"` // counter of missing values, by Label
	Rows  string `yaml:"rows" json:"rows"`   // counter of rows: by Label too, or shared
	Label string `yaml:"label" json:"label"` // the label that names the feature, default "feature"
	// SharedRows says that Rows has no Label, one count serves all features. A feature that only
	// the candidate has is then compared with 0.
	SharedRows bool   `yaml:"shared_rows,omitempty" json:"shared_rows,omitempty"`
	Where      string `yaml:"where,omitempty" json:"where,omitempty"` // matchers without braces that both carry, beside the selector
}

// NullSeries is the counter of missing values, with its matchers.
func (f FeatureNulls) NullSeries() Selection { return Selection{f.Nulls, and(f.Where)} }

// RowSeries is the counter of rows.
func (f FeatureNulls) RowSeries() Selection { return Selection{f.Rows, and(f.Where)} }

// Schemas is how rows that do not fit the model's schema are counted.
type Schemas struct {
	Mismatches string `yaml:"mismatches" json:"mismatches"`           // counter of what does not fit
	Checked    string `yaml:"checked,omitempty" json:"checked"`       // counter of what was checked; left out: the requests
	Where      string `yaml:"where,omitempty" json:"where,omitempty"` // matchers without braces of mismatches, and of checked if that is written, beside the selector
}

// Mismatched is the counter of what does not fit, with its matchers.
func (s Schemas) Mismatched() Selection { return Selection{s.Mismatches, and(s.Where)} }

// CheckedBy are the counters that together count what was checked.
func (m Metrics) CheckedBy() []Selection {
	if s := m.Schema; s.Checked != "" {
		return []Selection{{s.Checked, and(s.Where)}}
	}
	return m.Requests.All()
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
	Where     string  `yaml:"where,omitempty" json:"where,omitempty"` // matchers without braces that its series carry, beside the selector
}

// BucketSeries is the buckets of the histogram, with their matchers.
func (d Distribution) BucketSeries() Selection {
	return Selection{d.Histogram + "_bucket", and(d.Where)}
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
	// Label of the gauges that tells the sides apart; default that of the service's series.
	// Another one holds the version, whatever tells the service's own series apart.
	Label string `yaml:"label,omitempty" json:"label,omitempty"`
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

// checkData checks what the triggers on data quality measure.
func (m *Metrics) checkData(p *decoder, sides []string) {
	if f := m.Features; f != nil {
		p.metric("metrics.features.nulls", f.Nulls, "name the counter of missing values, e.g. model_feature_nulls_total")
		p.metric("metrics.features.rows", f.Rows, "name the counter of rows, e.g. model_rows_total")
		p.label("metrics.features.label", f.Label)
		p.twice("metrics.features.rows", f.Rows, f.Nulls, "nulls")
		p.where("metrics.features.where", f.Where, append(slices.Clone(sides), f.Label))
	}
	if s := m.Schema; s != nil {
		p.metric("metrics.schema.mismatches", s.Mismatches, "name the counter of rows that do not fit the schema")
		if p.has("metrics.schema.checked") {
			p.metric("metrics.schema.checked", s.Checked, "")
		}
		if slices.Contains(m.CheckedBy(), s.Mismatched()) {
			p.twice("metrics.schema.checked", s.Mismatches, s.Mismatches, "mismatches")
		}
		p.where("metrics.schema.where", s.Where, sides)
	}
	for i, d := range m.Distributions {
		at := fmt.Sprintf("metrics.distributions[%d]", i)
		if first := slices.IndexFunc(m.Distributions, func(o Distribution) bool { return o.Name == d.Name }); first < i {
			p.add(at+".name", fmt.Sprintf("%q is declared twice", d.Name), "give each distribution its own name")
		}
		p.where(at+".where", d.Where, append(slices.Clone(sides), "le"))
		d.check(p, at)
	}
	if d := m.Drift; d != nil {
		d.check(p, "metrics.drift")
	}
}

func (p *decoder) twice(path, name, other, what string) {
	if name == other && name != "" {
		p.add(path, "is the same counter as "+what, "name the counter of all of them")
	}
}

// mostBounds bounds a distribution: each bound is a term in the rules.
const mostBounds = 50

func (d Distribution) check(p *decoder, at string) {
	p.name(at+".name", d.Name)
	p.metric(at+".histogram", d.Histogram, "name the histogram without _bucket, e.g. model_score")
	p.oneOf(at+".kind", string(d.Kind), string(Classic))
	switch n := len(d.Buckets); {
	case n == 0:
		p.missing(at+".buckets", "list the finite `le` bounds, ascending")
	case n > mostBounds:
		p.add(at+".buckets", fmt.Sprintf("%d bounds are too many", n), fmt.Sprintf("list %d or fewer of them: a shift shows in few", mostBounds))
	}
	for i, bound := range d.Buckets {
		if i > 0 && bound <= d.Buckets[i-1] {
			p.add(fmt.Sprintf("%s.buckets[%d]", at, i), fmt.Sprintf("%v does not ascend", bound), "list the bounds in ascending order, each once")
		}
	}
	d.checkReference(p, at+".reference")
}

func (d Distribution) checkReference(p *decoder, at string) {
	if n := len(d.Reference); p.has(at) && n != len(d.Buckets) {
		p.add(at, fmt.Sprintf("has %d shares for %d buckets", n, len(d.Buckets)), "write for each bucket the share of the training data at or below it")
		return
	}
	for i, share := range d.Reference {
		if share < 0 || share > 1 || i > 0 && share < d.Reference[i-1] {
			p.add(fmt.Sprintf("%s[%d]", at, i), fmt.Sprintf("%s does not ascend to 100%%", share), "write cumulative shares, e.g. [10%, 50%, 90%]")
		}
	}
}

func (d Drift) check(p *decoder, at string) {
	p.matchers(at+".selector", d.Selector, "`model=\"ranker\"`", d.Label)
	if p.has(at + ".label") {
		p.label(at+".label", d.Label)
	}
	for field, name := range map[string]string{"score": d.Score, "threshold": d.Threshold, "last_run": d.LastRun} {
		p.metric(join(at, field), name, "leave it out, or name the gauge")
	}
	switch at += ".max_age"; {
	case !p.has(at):
		p.missing(at, "say how old a score may be, e.g. `max_age: 2h`: a gauge holds its last value for ever, so write twice the job's interval")
	case d.MaxAge <= 0:
		p.positive(at, d.MaxAge)
	}
}
