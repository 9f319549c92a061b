package runbook

import (
	"fmt"
	"strings"
)

// A looked is one row of the page: what to look at, how to ask, what is good.
type looked struct{ Name, Query, Good string }

// SideLabel is the label of the service's series that tells candidate and stable apart.
func (m Metrics) SideLabel() string {
	if m.Track != nil {
		return m.Track.Label
	}
	return m.VersionLabel
}

// bySide keeps them apart in an aggregation.
func (m Metrics) bySide() string { return " by (" + m.SideLabel() + ") " }

func (m Metrics) rate(counter, more, by string, window Duration) string {
	matchers := m.Selector
	if more != "" {
		matchers += "," + more
	}
	return fmt.Sprintf("sum%s(rate(%s{%s}[%s]))", by, counter, matchers, window)
}

func (m Metrics) errorShare(by string, window Duration) string {
	return m.rate(m.Requests.Counter, m.Requests.Errors, by, window) + " / " + m.rate(m.Requests.Counter, "", by, window)
}

func (m Metrics) latency(q float64, by []string, window Duration) string {
	series, labels := m.Latency.Histogram, by
	if m.Latency.Kind == Classic {
		series += "_bucket"
		labels = append(labels[:len(labels):len(labels)], "le")
	}
	group := ""
	if len(labels) > 0 {
		group = " by (" + strings.Join(labels, ", ") + ") "
	}
	return fmt.Sprintf("histogram_quantile(%s, %s)", number(q), m.rate(series, "", group, window))
}

func (r *Runbook) kpiRatio(name, by string, window Duration) string {
	k, _ := r.KPI(name)
	return r.Metrics.rate(k.Gains(), "", by, window) + " / " + r.Metrics.rate(k.Trials, "", by, window)
}

// recovery lists what must be good for users again, over all versions.
func (r *Runbook) recovery() []looked {
	v, m := r.Verification, r.Metrics
	side := m.SideLabel()
	rows := []looked{
		{"candidate traffic", m.rate(m.Requests.Counter, "", m.bySide(), v.Window), "0 or absent for the candidate's " + side},
		{"error rate", m.errorShare("", v.Window), fmt.Sprintf("below %s, and at most %s points above the stable level before", v.System.ErrorRate.Below, trimPercent(v.System.ErrorRate.Tolerance))},
	}
	if l := v.System.Latency; l != nil {
		good := fmt.Sprintf("at most %s above the stable level before", l.Tolerance)
		if l.Below > 0 {
			good = fmt.Sprintf("below %s, and %s", l.Below, good)
		}
		rows = append(rows, looked{quantileName(l.Quantile) + " latency", m.latency(l.Quantile, nil, v.Window), good})
	}
	for _, b := range v.Business {
		rows = append(rows, looked{"KPI " + b.KPI, r.kpiRatio(b.KPI, "", v.Window),
			fmt.Sprintf("at most %s below the stable level before", b.Tolerance)})
	}
	return rows
}
