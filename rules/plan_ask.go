package rules

import (
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// How far back the baselines are read, and how far scrapes are counted.
const (
	plannedOver = runbook.Duration(time.Hour)
	scrapesOver = runbook.Duration(10 * time.Minute)
)

// A TrafficQuestion is one number of the service's traffic; its expression answers with
// one series, or none if there is no data.
type TrafficQuestion struct {
	Name string
	Expr Expr
}

// Traffic asks a Prometheus for what [NewPlan] wants to know: levels of all versions
// together over the last hour, or since the service's first sample in it. A young service
// is planned by what it had since then, not as if it had been idle before.
func (q Questions) Traffic() []TrafficQuestion {
	b := q.b
	w := window{b: b, length: plannedOver.String()}
	counter := b.series(b.requests())
	out := []TrafficQuestion{
		{"rate", b.mustParse(fmt.Sprintf("%s / %s", w.requests(), b.seen(counter)))},
		{"seen", b.mustParse(b.seen(counter))},
		{"error_rate", b.mustParse(w.errorRate())},
		{"stable_pods", b.mustParse(fmt.Sprintf("count(count by (%s) (increase(%s[%s]) > 0))", b.Metrics.PodLabel, counter, levelWindow))},
		// Only of series that are as old as this looks back: of others fewer were to come.
		{"scrapes", b.mustParse(fmt.Sprintf("max(count_over_time(%[1]s[%[2]s]) and %[1]s offset %[2]s)", counter, scrapesOver))},
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
func (b *book) seen(counter string) string {
	every := b.Metrics.Interval
	return fmt.Sprintf("clamp(time() + %s - min_over_time(min(timestamp(%s))[%s:%s]), %s, %s)",
		num(every.Std().Seconds()/2), counter, plannedOver, every, num(every.Std().Seconds()), num(plannedOver.Std().Seconds()))
}

// TrafficFrom reads the answers, by the questions' names, as told by the source. What
// is missing, or no finite number above 0, stays open. A scrape interval within a tenth
// of the runbook's is the runbook's. Of a service that is younger than the hour that is
// asked for, the sources say its age.
func TrafficFrom(rb *runbook.Runbook, answers map[string]float64, source string) Traffic {
	t := Traffic{KPIs: map[string]Baseline{}, Sources: map[string]string{}}
	get := func(name string) float64 {
		v := answers[name]
		if !(v > 0) || math.IsInf(v, 0) {
			return 0
		}
		t.Sources[name] = source
		return v
	}
	if seen := answers["seen"]; seen > 0 && seen < (plannedOver-rb.Metrics.Interval).Std().Seconds() {
		source += ", of " + span2(fromSeconds(math.Round(seen)))
	}
	t.Rate, t.ErrorRate, t.P50, t.P95 = get("rate"), get("error_rate"), get("p50"), get("p95")
	t.StablePods = int(get("stable_pods"))
	for _, k := range rb.Metrics.KPIs {
		t.KPIs[k.Name] = Baseline{Rate: get("kpi " + k.Name), Trials: get("trials " + k.Name), Spread: get("spread " + k.Name)}
	}
	if n := get("scrapes"); n > 0 {
		delete(t.Sources, "scrapes")
		t.Sources["scrape"] = source
		t.Scrape = fromSeconds(scrapesOver.Std().Seconds() / n)
		if every := rb.Metrics.Interval; math.Abs(float64(t.Scrape-every)) < 0.1*float64(every) {
			t.Scrape = every
		}
	}
	return t
}

// But returns the traffic with everything that more knows instead.
func (t Traffic) But(more Traffic) Traffic {
	out := t
	out.Sources, out.KPIs = maps.Clone(t.Sources), maps.Clone(t.KPIs)
	if out.Sources == nil {
		out.Sources = map[string]string{}
	}
	if out.KPIs == nil {
		out.KPIs = map[string]Baseline{}
	}
	instead(out.Sources, more, "rate", &out.Rate, more.Rate)
	instead(out.Sources, more, "error_rate", &out.ErrorRate, more.ErrorRate)
	instead(out.Sources, more, "p50", &out.P50, more.P50)
	instead(out.Sources, more, "p95", &out.P95, more.P95)
	instead(out.Sources, more, "candidate_pods", &out.CandidatePods, more.CandidatePods)
	instead(out.Sources, more, "stable_pods", &out.StablePods, more.StablePods)
	instead(out.Sources, more, "dispersion", &out.Dispersion, more.Dispersion)
	instead(out.Sources, more, "scrape", &out.Scrape, more.Scrape)
	for name, k := range more.KPIs {
		have := out.KPIs[name]
		instead(out.Sources, more, "kpi "+name, &have.Rate, k.Rate)
		instead(out.Sources, more, "trials "+name, &have.Trials, k.Trials)
		instead(out.Sources, more, "spread "+name, &have.Spread, k.Spread)
		out.KPIs[name] = have
	}
	return out
}

func instead[T int | float64 | runbook.Duration](sources map[string]string, more Traffic, name string, to *T, v T) {
	if v > 0 {
		*to, sources[name] = v, more.Sources[name]
	}
}
