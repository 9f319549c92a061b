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

// rate adds up that of a metric's series, apart by the side if that is among the labels of by.
func (m Metrics) rate(of Selection, by string, window Duration) string {
	return m.sumOf(by, m.Select(of), window)
}

// sumOf does so of series by their selector.
func (m Metrics) sumOf(by, series string, window Duration) string {
	expr := m.Once(fmt.Sprintf("rate(%s[%s])", series, window))
	if strings.Contains(by, m.side()) {
		expr = m.Joined(expr)
	}
	return fmt.Sprintf("sum%s(%s)", by, expr)
}

// rates adds up counters that count one thing together.
func (m Metrics) rates(all []Selection, by string, window Duration) string {
	terms := make([]string, len(all))
	for i, s := range all {
		terms[i] = m.rate(s, by, window)
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return "(" + strings.Join(terms, " + ") + ")"
}

func (m Metrics) requests(by string, window Duration) string {
	return m.rates(m.Requests.All(), by, window)
}

func (m Metrics) errorShare(by string, window Duration) string {
	return m.rate(m.Requests.Failed(), by, window) + " / " + m.requests(by, window)
}

// latency is a quantile, or the mean of a latency that has no quantiles, in the metric's unit.
func (m Metrics) latency(name string, q float64, by []string, window Duration) string {
	l, _ := m.LatencyOf(name)
	series, labels := Selection{l.Histogram, l.Where}, by
	if l.Kind == Classic {
		series.Counter += "_bucket"
		labels = append(labels[:len(labels):len(labels)], "le")
	}
	group := ""
	if len(labels) > 0 {
		group = " by (" + LabelNames(labels...) + ") "
	}
	if l.IsMean() {
		return m.rate(l.SumSeries(), group, window) + " / " + m.rate(l.CountSeries(), group, window)
	}
	return fmt.Sprintf("histogram_quantile(%s, %s)", number(q), m.rate(series, group, window))
}

func (r *Runbook) kpiRatio(name, by string, window Duration) string {
	k, _ := r.KPI(name)
	return r.Metrics.rate(k.GainSeries(), by, window) + " / " + r.Metrics.rate(k.TrialSeries(), by, window)
}

// recovery lists what must be good for users again, over all versions.
func (r *Runbook) recovery() []looked {
	v, m := r.Verification, r.Metrics
	side := m.SideLabel()
	rows := []looked{
		{"candidate traffic", m.requests(m.bySide(), v.Window), "0 or absent for the candidate's " + side},
		{"error rate", m.errorShare("", v.Window), fmt.Sprintf("below %s, and at most %s points above the stable level before", v.System.ErrorRate.Below, trimPercent(v.System.ErrorRate.Tolerance))},
	}
	if l := v.System.Latency; l != nil {
		good := fmt.Sprintf("at most %s above the stable level before", l.Tolerance)
		if l.Below > 0 {
			good = fmt.Sprintf("below %s, and %s", l.Below, good)
		}
		rows = append(rows, looked{r.latencyChecked(), m.latency(l.Latency, l.Quantile, nil, v.Window), good})
	}
	for _, b := range v.Business {
		rows = append(rows, looked{"KPI " + b.KPI, r.kpiRatio(b.KPI, "", v.Window),
			fmt.Sprintf("at most %s below the stable level before", b.Tolerance)})
	}
	return rows
}

// latencyChecked names what the check of latency looks at, and in what its metric counts
// unless that is seconds.
func (r *Runbook) latencyChecked() string {
	c := r.Verification.System.Latency
	name := Trigger{Latency: c.Latency, Quantile: c.Quantile}.latencyName()
	if l, _ := r.Metrics.LatencyOf(c.Latency); l.Unit.PerSecond() != 1 {
		name += ", in " + l.Unit.Words()
	}
	return name
}
