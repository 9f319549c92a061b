package rules

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// How far back the levels of [Questions.Traffic] are read, and how far scrapes are counted.
const (
	TrafficOver = runbook.Duration(time.Hour)
	ScrapesOver = runbook.Duration(10 * time.Minute)
)

// A TrafficQuestion is one number of the service's traffic; its expression answers with
// one series, or none if there is no data.
type TrafficQuestion struct {
	Name string
	Expr Expr
}

// Traffic asks a Prometheus for what a plan wants to know: levels of all versions
// together over the last hour, or since the service's first sample in it. A young service
// is planned by what it had since then, not as if it had been idle before.
func (q Questions) Traffic() []TrafficQuestion {
	b := q.b
	w := window{b: b, length: TrafficOver.String()}
	every := func(format string) string {
		return b.each(b.requests(), nil, func(series string) string { return fmt.Sprintf(format, series) })
	}
	out := []TrafficQuestion{
		{"rate", b.mustParse(fmt.Sprintf("%s / %s", w.requests(), b.seen()))},
		{"seen", b.mustParse(b.seen())},
		{"error_rate", b.mustParse(w.errorRate())},
		{"stable_pods", b.mustParse(fmt.Sprintf("count(count by (%s) (%s))", runbook.LabelName(b.Metrics.PodLabel), every("increase(%s["+levelWindow+"]) > 0")))},
		// Only of series that are as old as this looks back: of others fewer were to come.
		{"scrapes", b.mustParse(fmt.Sprintf("max(%s)", every("count_over_time(%[1]s["+ScrapesOver.String()+"]) and %[1]s offset "+ScrapesOver.String())))},
	}
	out = append(out, b.latencyTraffic(w)...)
	for _, k := range b.Metrics.KPIs {
		out = append(out, TrafficQuestion{"kpi " + k.Name, b.mustParse(w.gain(k))},
			TrafficQuestion{"trials " + k.Name, b.mustParse(fmt.Sprintf("%s / (%s > 0)", w.trials(k), w.requests()))})
		if k.IsMean() {
			out = append(out, TrafficQuestion{"spread " + k.Name, b.mustParse(w.spread(k))})
		}
	}
	return out
}

// latencyTraffic asks for P50 and P95 in seconds, of each latency that has quantiles; of the
// first one without its name.
func (b *compiler) latencyTraffic(w window) []TrafficQuestion {
	var out []TrafficQuestion
	for _, l := range b.Metrics.AllLatencies() {
		if l.IsMean() {
			continue
		}
		name := ""
		if len(out) > 0 {
			name = " " + l.Name
		}
		out = append(out, TrafficQuestion{"p50" + name, b.mustParse(toSeconds(l.Unit, w.quantile(l, 0.5)))},
			TrafficQuestion{"p95" + name, b.mustParse(toSeconds(l.Unit, w.quantile(l, 0.95)))})
	}
	return out
}

// seen is how long ago the first sample of any request series is, in seconds and
// an hour at most. It is not a pod's age: where pods were replaced, the ones before count.
// One step of the subquery is one scrape, so that the first step sees the first sample,
// and half a scrape is added because increase() adds it there.
func (b *compiler) seen() string {
	every := b.Metrics.Step()
	counter := b.each(b.requests(), nil, func(series string) string { return fmt.Sprintf("timestamp(%s)", series) })
	return fmt.Sprintf("clamp(time() + %s - min_over_time(min(%s)[%s:%s]), %s, %s)",
		num(every.Std().Seconds()/2), counter, TrafficOver, every, num(every.Std().Seconds()), num(TrafficOver.Std().Seconds()))
}
