package plan

import (
	"maps"
	"math"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// TrafficFrom reads the answers, by the names of [rules.Questions.Traffic], as told by the source. What
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
	if seen := answers["seen"]; seen > 0 && seen < (rules.TrafficOver-rb.Metrics.Interval).Std().Seconds() {
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
		t.Scrape = fromSeconds(rules.ScrapesOver.Std().Seconds() / n)
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
