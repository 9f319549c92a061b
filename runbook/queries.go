package runbook

import (
	"fmt"
	"strings"
)

// A looked is one row of the page: what to look at, how to ask, what is good.
type looked struct{ Name, Query, Good string }

// side is the label that tells candidate and stable apart, as PromQL writes it.
func (m Metrics) side() string { return LabelName(m.SideLabel()) }

// bySide keeps them apart in an aggregation.
func (m Metrics) bySide() string { return " by (" + m.side() + ") " }

func (m Metrics) rate(counter, more, by string, window Duration) string {
	matchers := []string{m.Selector}
	if more != "" {
		matchers = append(matchers, more)
	}
	return m.sumOf(by, Series(counter, matchers...), window)
}

// sumOf adds up the rate of series, apart by the side if that is among the labels of by.
func (m Metrics) sumOf(by, series string, window Duration) string {
	expr := m.Once(fmt.Sprintf("rate(%s[%s])", series, window))
	if strings.Contains(by, m.side()) {
		expr = m.Joined(expr)
	}
	return fmt.Sprintf("sum%s(%s)", by, expr)
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
		group = " by (" + LabelNames(labels...) + ") "
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
