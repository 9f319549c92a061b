package runbook

import (
	"fmt"
	"slices"
	"time"
)

// Metrics says how the service's series look in Prometheus.
type Metrics struct {
	// Selector is PromQL label matchers without braces that every series of the
	// service carries, e.g. `job="ranker"`, without a trailing comma.
	Selector string `yaml:"selector" json:"selector"`
	// Interval is how often the rules are evaluated and the statistics count, default 15s.
	Interval Duration `yaml:"interval" json:"interval"`
	// ScrapeInterval is how often the pods are scraped, default Interval. If it is longer,
	// the statistics count that often, and windows hold at least 4 scrapes.
	ScrapeInterval Duration `yaml:"scrape_interval,omitempty" json:"scrape_interval,omitempty"`
	// Warmup is the time from a release's start until it is judged, default 2m.
	Warmup Duration `yaml:"warmup" json:"warmup"`
	// VersionLabel names the label that holds the model version, default "version".
	// Left out if and only if Track is set.
	VersionLabel string `yaml:"version_label,omitempty" json:"version_label"`
	// Track is for services that label their series with a track instead.
	Track *Track `yaml:"track" json:"track,omitempty"`
	// Join is for series that carry neither version nor track.
	Join *Join `yaml:"join,omitempty" json:"join,omitempty"`
	// PodLabel names the label that tells pods apart, default "instance".
	PodLabel string `yaml:"pod_label" json:"pod_label"`
	// IgnoreLabels are labels that tell replicas apart which see the same: series that
	// differ in nothing else are one, e.g. [prometheus_replica].
	IgnoreLabels []string `yaml:"ignore_labels,omitempty" json:"ignore_labels,omitempty"`
	// Vantage is who counts: the pods, or the routers in front of them; default pods. By
	// routers nobody can tell whether a pod is warm, or one pod's doing from the version's.
	Vantage Vantage `yaml:"vantage,omitempty" json:"vantage,omitempty"`
	// RegionLabel names the label that holds the region; required where two regions share a Prometheus.
	RegionLabel string   `yaml:"region_label" json:"region_label"`
	Requests    Requests `yaml:"requests" json:"requests"`         // how they, and errors, are counted
	Latency     *Latency `yaml:"latency" json:"latency,omitempty"` // for triggers and checks on latency
	// Latencies are several of them, told apart by name: the time to the first token, that of
	// the whole answer. Where a trigger or check names none, latency is meant, or the first.
	Latencies []Latency `yaml:"latencies,omitempty" json:"latencies,omitempty"`
	KPIs      []KPI     `yaml:"kpis" json:"kpis"` // for kpi_drop and the business checks

	Features      *FeatureNulls  `yaml:"features,omitempty" json:"features,omitempty"`           // for null_spike
	Schema        *Schemas       `yaml:"schema,omitempty" json:"schema,omitempty"`               // for schema_mismatch
	Distributions []Distribution `yaml:"distributions,omitempty" json:"distributions,omitempty"` // for distribution_shift
	Drift         *Drift         `yaml:"drift,omitempty" json:"drift,omitempty"`                 // for drift_gauge
}

// Track selects the sides by a fixed label, e.g. track="canary" and track="stable". An
// empty value is that of pods without the label.
type Track struct {
	Label     string `yaml:"label" json:"label"`         // the label's name, e.g. track; needed without a join
	Stable    string `yaml:"stable" json:"stable"`       // its value on stable pods
	Candidate string `yaml:"candidate" json:"candidate"` // its value on candidate pods, e.g. canary
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

	Where          string `yaml:"where,omitempty" json:"where,omitempty"`                     // matchers without braces that all of its series carry, beside the selector
	SuccessesWhere string `yaml:"successes_where,omitempty" json:"successes_where,omitempty"` // those of successes alone, e.g. `finished_reason="stop"`; the counter may then be that of trials
	TrialsWhere    string `yaml:"trials_where,omitempty" json:"trials_where,omitempty"`       // those of trials alone
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

// GainSeries is the counter that is divided by trials, with its matchers.
func (k KPI) GainSeries() Selection { return Selection{k.Gains(), and(k.Where, k.SuccessesWhere)} }

// TrialSeries is the counter of trials.
func (k KPI) TrialSeries() Selection { return Selection{k.Trials, and(k.Where, k.TrialsWhere)} }

// SquareSeries is, of a mean, the counter of squared values.
func (k KPI) SquareSeries() Selection { return Selection{k.Squares, k.Where} }

func (m *Metrics) check(p *decoder) {
	sides := []string{m.SideLabel()}
	if m.Track != nil {
		m.checkTrack(p)
	} else if m.Join == nil || p.has("metrics.version_label") {
		p.label("metrics.version_label", m.VersionLabel)
	}
	m.checkLabels(p)
	p.matchers("metrics.selector", m.Selector, "`job=\"ranker\"`", sides...)
	p.positive("metrics.interval", m.Interval)
	p.label("metrics.pod_label", m.PodLabel)
	if m.RegionLabel != "" {
		p.label("metrics.region_label", m.RegionLabel)
	}
	m.Requests.check(p, sides)
	m.checkLatencies(p, sides)
	m.checkKPIs(p, sides)
	m.checkData(p, sides)
}

func (m *Metrics) checkTrack(p *decoder) {
	if p.has("metrics.version_label") {
		p.add("metrics.track", "stands beside version_label", "keep one of the two: the sides differ by version or by track")
	}
	p.need("metrics.track.label", m.Track.Label, "name the label, e.g. track")
	if m.Track.Label != "" {
		p.label("metrics.track.label", m.Track.Label)
	}
	const absent = `"" where they have no such label`
	switch stable, candidate := p.has("metrics.track.stable"), p.has("metrics.track.candidate"); {
	case !stable || !candidate:
		if !stable {
			p.missing("metrics.track.stable", "write the label's value on stable pods, "+absent)
		}
		if !candidate {
			p.missing("metrics.track.candidate", "write the label's value on candidate pods, e.g. canary, "+absent)
		}
	case m.Track.Stable == m.Track.Candidate:
		p.add("metrics.track.candidate", fmt.Sprintf("%q is the stable side's value too", m.Track.Candidate), "write two different values")
	}
}

func (m *Metrics) checkKPIs(p *decoder, sides []string) {
	for i, k := range m.KPIs {
		at := fmt.Sprintf("metrics.kpis[%d]", i)
		p.name(at+".name", k.Name)
		if first := slices.IndexFunc(m.KPIs, func(o KPI) bool { return o.Name == k.Name }); first < i {
			p.add(at+".name", fmt.Sprintf("%q is declared twice", k.Name), "give each KPI its own name")
		}
		if p.has(at+".sum") || p.has(at+".squares") {
			k.checkMean(p, at)
		} else {
			k.checkShare(p, at)
		}
		p.where(at+".where", k.Where, sides)
		p.where(at+".trials_where", k.TrialsWhere, sides)
		p.where(at+".successes_where", k.SuccessesWhere, sides)
		p.metric(at+".trials", k.Trials, "name the counter of trials, e.g. recommendations_total")
	}
}

// checkShare checks the counters of a KPI that is a share.
func (k KPI) checkShare(p *decoder, at string) {
	p.metric(at+".successes", k.Successes, "name the counter of successes, e.g. orders_total; for a mean such as the revenue per request, write sum and squares instead")
	if k.GainSeries() == k.TrialSeries() && k.Trials != "" {
		p.add(at+".trials", "is the same counter as successes", "name the counter of all trials, or tell them apart by successes_where and trials_where")
	}
	if p.has(at + ".unit") {
		p.add(at+".unit", "does not belong to a share", "leave it out: a share has no unit; a mean, declared by sum and squares, may have one")
	}
}

// checkMean checks those of a KPI that is a mean.
func (k KPI) checkMean(p *decoder, at string) {
	if p.has(at + ".successes") {
		p.add(at+".successes", "stands beside sum and squares", "keep one of the two: successes for a share of trials, sum and squares for a mean per trial")
	}
	if p.has(at + ".successes_where") {
		p.add(at+".successes_where", "does not belong to a mean", "write where, for all three counters")
	}
	p.metric(at+".sum", k.Sum, "name the counter of what the trials bring, e.g. revenue_total")
	p.metric(at+".squares", k.Squares, "name the counter to which each trial adds the square of what it adds to sum, e.g. revenue_squared_total: without it nobody knows how far chance moves the mean")
	for _, same := range []struct{ field, name, other, than string }{
		{"squares", k.Squares, k.Sum, "sum"}, {"trials", k.Trials, k.Sum, "sum"}, {"trials", k.Trials, k.Squares, "squares"},
	} {
		if same.name != "" && same.name == same.other {
			p.add(at+"."+same.field, "is the same counter as "+same.than, "name three different counters: of the values, of their squares and of the trials")
			break
		}
	}
	if len(k.Unit) > longestUnit {
		p.add(at+".unit", fmt.Sprintf("%s is longer than %d bytes", quoted(k.Unit), longestUnit), "write a short unit, e.g. EUR")
	}
}

// longestUnit keeps the texts of an incident short.
const longestUnit = 16

// Lag is how long after an interval's end it is counted: scrapes that carry its timestamps
// must have arrived.
func Lag(interval Duration) Duration { return min(interval/5, Duration(2*time.Second)) }
