package runbook

import (
	"fmt"
	"slices"
)

func (m *Metrics) check(p *page) {
	sides := []string{m.VersionLabel}
	if m.Track != nil {
		sides = []string{m.Track.Label}
		m.checkTrack(p)
	} else {
		p.label("metrics.version_label", m.VersionLabel)
	}
	p.matchers("metrics.selector", m.Selector, "`job=\"ranker\"`", sides...)
	p.positive("metrics.interval", m.Interval)
	p.label("metrics.pod_label", m.PodLabel)
	if m.RegionLabel != "" {
		p.label("metrics.region_label", m.RegionLabel)
	}
	p.metric("metrics.requests.counter", m.Requests.Counter, "name the counter of all requests, e.g. http_requests_total")
	p.matchers("metrics.requests.errors", m.Requests.Errors, "`code=~\"5..|timeout\"`", sides...)
	m.checkLatency(p)
	m.checkKPIs(p)
	m.checkData(p)
}

func (m *Metrics) checkTrack(p *page) {
	if p.has("metrics.version_label") {
		p.add("metrics.track", "stands beside version_label", "keep one of the two: the sides are told apart by version or by track")
	}
	p.need("metrics.track.label", m.Track.Label, "name the label, e.g. track")
	if m.Track.Label != "" {
		p.label("metrics.track.label", m.Track.Label)
	}
	p.need("metrics.track.stable", m.Track.Stable, "write the label's value on stable pods")
	p.need("metrics.track.candidate", m.Track.Candidate, "write the label's value on candidate pods, e.g. canary")
	if m.Track.Stable == m.Track.Candidate && m.Track.Stable != "" {
		p.add("metrics.track.candidate", fmt.Sprintf("%q is the stable side's value too", m.Track.Candidate), "write two different values")
	}
}

func (m *Metrics) checkLatency(p *page) {
	if m.Latency == nil {
		return
	}
	const at = "metrics.latency"
	p.metric(at+".histogram", m.Latency.Histogram, "name the histogram without _bucket, e.g. http_request_duration_seconds")
	p.oneOf(at+".kind", string(m.Latency.Kind), string(Classic), string(Native))
	switch buckets := m.Latency.Buckets; {
	case m.Latency.Kind == Native && len(buckets) > 0:
		p.add(at+".buckets", "does not belong to a native histogram", "leave it out")
	case m.Latency.Kind == Classic && len(buckets) == 0:
		p.missing(at+".buckets", "list the finite `le` bounds in seconds, ascending, e.g. [0.05, 0.1, 0.25, 0.5, 1]: the rules name them")
	default:
		for i, bound := range buckets {
			if bound <= 0 || i > 0 && bound <= buckets[i-1] {
				p.add(fmt.Sprintf("%s.buckets[%d]", at, i), fmt.Sprintf("%v does not ascend", bound), "list the bounds above 0 in ascending order, each once")
			}
		}
	}
}

func (m *Metrics) checkKPIs(p *page) {
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
		p.metric(at+".trials", k.Trials, "name the counter of trials, e.g. recommendations_total")
	}
}
