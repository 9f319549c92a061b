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
	counter := b.series(b.requests())
	out := []TrafficQuestion{
		{"rate", b.mustParse(fmt.Sprintf("%s / %s", w.requests(), b.seen(counter)))},
		{"seen", b.mustParse(b.seen(counter))},
		{"error_rate", b.mustParse(w.errorRate())},
		{"stable_pods", b.mustParse(fmt.Sprintf("count(count by (%s) (increase(%s[%s]) > 0))", runbook.LabelName(b.Metrics.PodLabel), counter, levelWindow))},
		// Only of series that are as old as this looks back: of others fewer were to come.
		{"scrapes", b.mustParse(fmt.Sprintf("max(count_over_time(%[1]s[%[2]s]) and %[1]s offset %[2]s)", counter, ScrapesOver))},
	}
	if b.Metrics.Latency != nil {
		out = append(out, TrafficQuestion{"p50", b.mustParse(w.quantile(0.5))}, TrafficQuestion{"p95", b.mustParse(w.quantile(0.95))})
	}
	for _, k := range b.Metrics.KPIs {
		trials := w.count(counterOf(k.Trials))
		out = append(out, TrafficQuestion{"kpi " + k.Name, b.mustParse(w.ratio(counterOf(k.Gains()), counterOf(k.Trials)))},
			TrafficQuestion{"trials " + k.Name, b.mustParse(fmt.Sprintf("%s / (%s > 0)", trials, w.requests()))})
		if k.IsMean() {
			out = append(out, TrafficQuestion{"spread " + k.Name, b.mustParse(w.spread(k))})
		}
	}
	return out
}

// seen is how long ago the first sample of any of the counter's series is, in seconds and
// an hour at most. It is not a pod's age: where pods were replaced, the ones before count.
// One step of the subquery is one scrape, so that the first step sees the first sample,
// and half a scrape is added because increase() adds it there.
func (b *compiler) seen(counter string) string {
	every := b.Metrics.Step()
	return fmt.Sprintf("clamp(time() + %s - min_over_time(min(timestamp(%s))[%s:%s]), %s, %s)",
		num(every.Std().Seconds()/2), counter, TrafficOver, every, num(every.Std().Seconds()), num(TrafficOver.Std().Seconds()))
}
