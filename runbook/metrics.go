package runbook

// Metrics says how the service's series look in Prometheus.
type Metrics struct {
	// Selector is PromQL label matchers without braces that every series of the
	// service carries, e.g. `job="ranker"`, without a trailing comma.
	Selector string `yaml:"selector" json:"selector"`
	// Interval is the scrape and rule evaluation interval, default 15s.
	Interval Duration `yaml:"interval" json:"interval"`
	// Warmup is the time from a release's start until it is judged, default 2m.
	Warmup Duration `yaml:"warmup" json:"warmup"`
	// VersionLabel names the label that holds the model version, default "version".
	// Left out if and only if Track is set.
	VersionLabel string `yaml:"version_label,omitempty" json:"version_label"`
	// Track is for services that label their series with a track instead.
	Track *Track `yaml:"track" json:"track,omitempty"`
	// PodLabel names the label that tells pods apart, default "instance".
	PodLabel string `yaml:"pod_label" json:"pod_label"`
	// RegionLabel names the label that holds the region; required with two or more regions.
	RegionLabel string   `yaml:"region_label" json:"region_label"`
	Requests    Requests `yaml:"requests" json:"requests"`         // how they, and errors, are counted
	Latency     *Latency `yaml:"latency" json:"latency,omitempty"` // for triggers and checks on latency
	KPIs        []KPI    `yaml:"kpis" json:"kpis"`                 // for kpi_drop and the business checks

	Features      *FeatureNulls  `yaml:"features,omitempty" json:"features,omitempty"`           // for null_spike
	Schema        *Schemas       `yaml:"schema,omitempty" json:"schema,omitempty"`               // for schema_mismatch
	Distributions []Distribution `yaml:"distributions,omitempty" json:"distributions,omitempty"` // for distribution_shift
	Drift         *Drift         `yaml:"drift,omitempty" json:"drift,omitempty"`                 // for drift_gauge
}

// Track selects the sides by a fixed label, e.g. track="canary" and track="stable".
type Track struct {
	Label     string `yaml:"label" json:"label"`         // the label's name, e.g. track
	Stable    string `yaml:"stable" json:"stable"`       // its value on stable pods
	Candidate string `yaml:"candidate" json:"candidate"` // its value on candidate pods, e.g. canary
}

// Requests says how requests and errors are counted.
type Requests struct {
	Counter string `yaml:"counter" json:"counter"` // the counter of all requests, e.g. http_requests_total
	Errors  string `yaml:"errors" json:"errors"`   // matchers without braces that make a request an error, e.g. `code=~"5..|timeout"`
}

// HistogramKind is how the latency histogram is exposed.
type HistogramKind string

const (
	Classic HistogramKind = "classic" // <Histogram>_bucket{le=…}
	Native  HistogramKind = "native"
)

// Latency is the histogram of request durations, in seconds.
type Latency struct {
	Histogram string        `yaml:"histogram" json:"histogram"`                 // the name without _bucket
	Kind      HistogramKind `yaml:"kind" json:"kind"`                           // how it is exposed
	Buckets   []float64     `yaml:"buckets,omitempty" json:"buckets,omitempty"` // classic: the finite le bounds in seconds that the service has, ascending
}

// KPI is a business number from counters: the share of trials that succeed, or the
// mean of what a trial brings, such as the revenue per request. A share has Successes; a
// mean has Sum and Squares instead.
type KPI struct {
	Name      string `yaml:"name" json:"name"`                     // lower-case letters, digits and dashes
	Successes string `yaml:"successes,omitempty" json:"successes"` // of a share: the counter of trials that succeed
	Trials    string `yaml:"trials" json:"trials"`                 // the counter of trials
	// Of a mean: the counter of what the trials bring, none of them less than 0.
	Sum string `yaml:"sum,omitempty" json:"sum,omitempty"`
	// Of a mean: the counter of the square of each of these values. Without it nobody
	// knows how far chance moves a mean.
	Squares string `yaml:"squares,omitempty" json:"squares,omitempty"`
	Unit    string `yaml:"unit,omitempty" json:"unit,omitempty"` // of a mean, e.g. EUR; 16 bytes at most
}

// IsMean reports whether the KPI is a mean per trial, and no share.
func (k KPI) IsMean() bool { return k.Sum != "" || k.Squares != "" }

// Gains is the counter that is divided by Trials.
func (k KPI) Gains() string {
	if k.IsMean() {
		return k.Sum
	}
	return k.Successes
}
