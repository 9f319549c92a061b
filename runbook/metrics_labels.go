package runbook

import (
	"fmt"
	"slices"
)

// A Join is another metric that tells which version or track a series belongs to, for
// series that do not carry it: kube_pod_labels, or target_info.
type Join struct {
	Metric   string `yaml:"metric" json:"metric"`                         // e.g. kube_pod_labels
	Selector string `yaml:"selector,omitempty" json:"selector,omitempty"` // its matchers without braces; left out: all its series
	// On names the labels that both have and that together name one pod, e.g.
	// [namespace, pod]. Of several series of one pod the newest tells.
	On []string `yaml:"on" json:"on"`
	// Label holds there the version, or with metrics.track the track. It takes the place of
	// version_label and of track.label, which may be left out; their value is its default.
	Label string `yaml:"label" json:"label"`
}

// Vantage is who counts the requests.
type Vantage string

const (
	FromPods   Vantage = "pods"   // the pods that serve them
	FromRouter Vantage = "router" // the routers in front: pod_label tells routers, not pods
)

// ByRouter reports whether the series are those of routers.
func (m Metrics) ByRouter() bool { return m.Vantage == FromRouter }

// Step is the interval of everything that is counted: that of the rules, or of the scrapes
// where these are farther apart.
func (m Metrics) Step() Duration { return max(m.Interval, m.ScrapeInterval) }

// steps is what windows are measured by, in a message.
func (m Metrics) steps() string {
	if m.ScrapeInterval > m.Interval {
		return "scrapes of " + m.ScrapeInterval.String()
	}
	return "intervals of " + m.Interval.String()
}

// SideLabel is the label that tells candidate and stable apart: on the service's series,
// or on those that they are joined with.
func (m Metrics) SideLabel() string {
	switch {
	case m.Join != nil && m.Join.Label != "":
		return m.Join.Label
	case m.Track != nil:
		return m.Track.Label
	}
	return m.VersionLabel
}

// DriftLabel is the label of the drift gauges that tells the sides, and whether it holds
// what it holds on the service's own series; otherwise it holds the version. A drift job
// knows no pods, so with a join it is VersionLabel, or "version".
func (m Metrics) DriftLabel() (label string, asSeries bool) {
	switch {
	case m.Drift.Label != "":
		return m.Drift.Label, m.Drift.Label == m.SideLabel()
	case m.Join == nil:
		return m.SideLabel(), true
	case m.VersionLabel != "" && m.VersionLabel != m.Join.Label:
		return m.VersionLabel, false
	}
	return "version", false
}

// Once counts what only ignored labels tell apart once: it is the same, asked twice, and
// the greater answer has missed fewer samples.
func (m Metrics) Once(expr string) string {
	if len(m.IgnoreLabels) == 0 {
		return expr
	}
	return fmt.Sprintf("max without (%s) (%s)", LabelNames(m.IgnoreLabels...), expr)
}

// OnceNative is [Metrics.Once] for native histograms, which have no greatest one.
func (m Metrics) OnceNative(expr string) string {
	if len(m.IgnoreLabels) == 0 {
		return expr
	}
	return fmt.Sprintf("(%[1]s and topk without (%[2]s) (1, histogram_count(%[1]s)))", expr, LabelNames(m.IgnoreLabels...))
}

// Joined gives the answers of an expression, which is a call or stands in parentheses, the
// label of the side that a join brings.
func (m Metrics) Joined(expr string) string {
	if m.Join == nil {
		return expr
	}
	return fmt.Sprintf("%s * on (%s) group_left (%s) %s", expr, LabelNames(m.Join.On...), LabelName(m.Join.Label), m.Join.Newest())
}

// Newest has one series of 1 for each pod, with the labels On and Label: of the newest
// sample, so that a pod which two scrapes tell differently has one version.
func (j Join) Newest() string {
	on := LabelNames(j.On...)
	return fmt.Sprintf("group by (%s, %s) (topk by (%s) (1, timestamp(%s)))", on, LabelName(j.Label), on, j.Series())
}

// Only keeps of an expression the pods of which the join metric's series match.
func (j Join) Only(expr, matcher string) string {
	return fmt.Sprintf("%s and on (%s) %s", expr, LabelNames(j.On...), j.Series(matcher))
}

// Series writes the selector of the join metric, with more matchers.
func (j Join) Series(more ...string) string {
	if j.Selector != "" {
		more = append([]string{j.Selector}, more...)
	}
	return Series(j.Metric, more...)
}

func (m *Metrics) labelDefaults(p *decoder) {
	j := m.Join
	if j == nil {
		return
	}
	j.Selector = bare(j.Selector)
	if m.Track != nil {
		setDefault(p, "metrics.join.label", &j.Label, m.Track.Label)
		setDefault(p, "metrics.track.label", &m.Track.Label, j.Label)
		return
	}
	setDefault(p, "metrics.join.label", &j.Label, m.VersionLabel)
	setDefault(p, "metrics.version_label", &m.VersionLabel, j.Label)
}

// checkLabels checks where the labels of the series come from, and which do not count.
func (m *Metrics) checkLabels(p *decoder) {
	if p.has("metrics.scrape_interval") {
		p.positive("metrics.scrape_interval", m.ScrapeInterval)
	}
	if p.has("metrics.vantage") {
		p.oneOf("metrics.vantage", string(m.Vantage), string(FromPods), string(FromRouter))
	}
	m.checkJoin(p)
	for i, l := range m.IgnoreLabels {
		at := fmt.Sprintf("metrics.ignore_labels[%d]", i)
		p.label(at, l)
		if what, needed := m.needed(l); needed {
			p.add(at, fmt.Sprintf("%q is %s", l, what), "name only labels that tell the replicas of one Prometheus or exporter apart, e.g. prometheus_replica")
		}
		if slices.Index(m.IgnoreLabels, l) < i {
			p.add(at, fmt.Sprintf("%q is named twice", l), "keep one of the two")
		}
	}
}

// needed says what the rules tell by a label.
func (m *Metrics) needed(label string) (what string, needed bool) {
	switch label {
	case m.PodLabel:
		return "metrics.pod_label", true
	case m.RegionLabel:
		return "metrics.region_label", true
	case m.SideLabel():
		return "the label that tells the sides apart", true
	case "le":
		return "the label of a histogram's bounds", true
	}
	if f := m.Features; f != nil && f.Label == label {
		return "metrics.features.label", true
	}
	if m.Join != nil && slices.Contains(m.Join.On, label) {
		return "among metrics.join.on", true
	}
	return "", false
}

func (m *Metrics) checkJoin(p *decoder) {
	const at = "metrics.join"
	j := m.Join
	if j == nil {
		return
	}
	p.metric(at+".metric", j.Metric, "name the metric that tells the version, e.g. kube_pod_labels or target_info")
	if p.has(at + ".selector") {
		p.matchers(at+".selector", j.Selector, "`namespace=\"ml\"`", m.SideLabel())
	}
	if len(j.On) == 0 {
		p.missing(at+".on", "name the labels that both have and that name one pod, e.g. [namespace, pod]")
	}
	for i, l := range j.On {
		path := fmt.Sprintf("%s.on[%d]", at, i)
		p.label(path, l)
		switch {
		case l == j.Label:
			p.add(path, fmt.Sprintf("%q is what the join brings", l), "name labels that the service's series have already")
		case slices.Index(j.On, l) < i:
			p.add(path, fmt.Sprintf("%q is named twice", l), "keep one of the two")
		}
	}
	if j.Label == "" {
		p.missing(at+".label", "name the label there that holds the version or the track, e.g. label_app_version")
	} else if p.has(at + ".label") {
		p.label(at+".label", j.Label)
	}
}
