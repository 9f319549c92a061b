package plan

import (
	"maps"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// Traffic is what is known of a service's traffic, all versions together. A zero is
// not known.
type Traffic struct {
	Rate      float64             `json:"rate"`           // requests per second
	ErrorRate float64             `json:"error_rate"`     // share of requests
	P50       float64             `json:"p50"`            // seconds
	P95       float64             `json:"p95"`            // seconds, above P50
	KPIs      map[string]Baseline `json:"kpis,omitempty"` // by the KPI's name
	// Latencies are the latencies beside the one of P50 and P95, by name; see [runbook.Metrics.Latencies].
	Latencies map[string]Percentiles `json:"latencies,omitempty"`

	CandidatePods int              `json:"candidate_pods"`
	StablePods    int              `json:"stable_pods"`
	Dispersion    float64          `json:"dispersion"` // divides the evidence, at least 1
	Scrape        runbook.Duration `json:"scrape"`     // the scrape interval that was found
	// Sources says where a number comes from, by its JSON name, e.g. "default" or
	// "Prometheus"; [Assume] adds its own.
	Sources map[string]string `json:"sources"`
}

// A Baseline is a KPI's level without harm.
type Baseline struct {
	Rate   float64 `json:"rate"`   // successes out of trials, or the mean of a trial
	Trials float64 `json:"trials"` // per request
	// Spread is the standard deviation of one trial over its mean; 0 for a share.
	Spread float64 `json:"spread,omitempty"`
}

// Defaults, where nobody knows better.
const (
	assumedErrors = 0.005
	assumedKPI    = 0.03
	assumedP95    = 0.25
	// assumedTail is ln(P95/P50) of a log-normal latency whose sigma is 0.5.
	assumedTail = 0.5 * z95
	z95         = 1.6448536269514722
)

// Assume is the traffic of a service of which nothing is known but its runbook; the
// request rate stays open. Latency is log-normal, P95 half of what verification allows.
func Assume(rb *runbook.Runbook) Traffic {
	t := Traffic{
		ErrorRate: assumedErrors, P95: assumedP95,
		CandidatePods: max(rb.Policy.MinCandidatePods, 2), StablePods: max(rb.LastKnownGood.MinPods, analysis.LeastPods),
		Scrape: rb.Metrics.Step(), KPIs: map[string]Baseline{},
	}
	usual := func(name string) float64 {
		if c := rb.Verification.System.Latency; c != nil && c.Below > 0 && c.Latency == name {
			return c.Below.Std().Seconds() / 2
		}
		return assumedP95
	}
	for i, l := range quantiles(rb) {
		if i == 0 {
			t.P95 = usual(l.Name)
			continue
		}
		if t.Latencies == nil {
			t.Latencies = map[string]Percentiles{}
		}
		t.Latencies[l.Name] = Percentiles{P95: usual(l.Name)}
	}
	for _, k := range rb.Metrics.KPIs {
		t.KPIs[k.Name] = Baseline{Rate: assumedKPI, Trials: 1}
		if k.IsMean() {
			t.KPIs[k.Name] = Baseline{Rate: 1, Trials: 1, Spread: assumedSpread}
		}
	}
	return t
}

// or fills what is not known from the assumptions, and says so.
func (t Traffic) or(assumed Traffic) Traffic {
	sources := map[string]string{}
	for k, v := range t.Sources {
		sources[k] = v
	}
	t.Sources = sources
	t.ErrorRate = fillIn(sources, "error_rate", t.ErrorRate, assumed.ErrorRate)
	first := Percentiles{t.P50, t.P95}.or(sources, "", assumed.P95)
	t.P50, t.P95 = first.P50, first.P95
	var others map[string]Percentiles
	for name, a := range assumed.Latencies {
		if others == nil {
			others = map[string]Percentiles{}
		}
		others[name] = t.Latencies[name].or(sources, " "+name, a.P95)
	}
	t.Latencies = others
	kpis := map[string]Baseline{}
	for name, a := range assumed.KPIs {
		k := t.KPIs[name]
		k.Rate = fillIn(sources, "kpi "+name, k.Rate, a.Rate)
		k.Trials = fillIn(sources, "trials "+name, k.Trials, a.Trials)
		if a.Spread > 0 {
			k.Spread = fillIn(sources, "spread "+name, k.Spread, a.Spread)
		}
		kpis[name] = k
	}
	t.KPIs = kpis
	t.CandidatePods = fillIn(sources, "candidate_pods", t.CandidatePods, assumed.CandidatePods)
	t.StablePods = fillIn(sources, "stable_pods", t.StablePods, assumed.StablePods)
	t.Scrape = fillIn(sources, "scrape", t.Scrape, assumed.Scrape)
	phi := 1.0
	if t.StablePods < analysis.LeastPods {
		phi = analysis.UnknownDispersion
	}
	t.Dispersion = fillIn(sources, "dispersion", t.Dispersion, phi)
	return t
}

// or fills in those of the latency whose sources end in name.
func (p Percentiles) or(sources map[string]string, name string, assumed float64) Percentiles {
	p.P95 = fillIn(sources, "p95"+name, p.P95, assumed)
	if p.P50 = fillIn(sources, "p50"+name, p.P50, p.P95*math.Exp(-assumedTail)); p.P50 >= p.P95 {
		p.P50, sources["p50"+name] = p.P95*math.Exp(-assumedTail), "default"
	}
	return p
}

func fillIn[T int | float64 | runbook.Duration](sources map[string]string, name string, v, assumed T) T {
	if v > 0 {
		return v
	}
	sources[name] = "default"
	return assumed
}

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
	if seen := answers["seen"]; seen > 0 && seen < (rules.TrafficOver-rb.Metrics.Step()).Std().Seconds() {
		source += ", of " + span2(fromSeconds(math.Round(seen)))
	}
	t.Rate, t.ErrorRate, t.P50, t.P95 = get("rate"), get("error_rate"), get("p50"), get("p95")
	for i, l := range quantiles(rb) {
		if i == 1 {
			t.Latencies = map[string]Percentiles{}
		}
		if i > 0 {
			t.Latencies[l.Name] = Percentiles{get("p50 " + l.Name), get("p95 " + l.Name)}
		}
	}
	t.StablePods = int(get("stable_pods"))
	for _, k := range rb.Metrics.KPIs {
		t.KPIs[k.Name] = Baseline{Rate: get("kpi " + k.Name), Trials: get("trials " + k.Name), Spread: get("spread " + k.Name)}
	}
	if n := get("scrapes"); n > 0 {
		delete(t.Sources, "scrapes")
		t.Sources["scrape"] = source
		t.Scrape = fromSeconds(rules.ScrapesOver.Std().Seconds() / n)
		if every := rb.Metrics.Step(); math.Abs(float64(t.Scrape-every)) < 0.1*float64(every) {
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
	out.Latencies = maps.Clone(t.Latencies)
	for name, l := range more.Latencies {
		if out.Latencies == nil {
			out.Latencies = map[string]Percentiles{}
		}
		have := out.Latencies[name]
		instead(out.Sources, more, "p50 "+name, &have.P50, l.P50)
		instead(out.Sources, more, "p95 "+name, &have.P95, l.P95)
		out.Latencies[name] = have
	}
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
