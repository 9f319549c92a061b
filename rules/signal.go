package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// A signal is one kind of event that the two sides are compared by. Triggers that
// ask about the same events share it.
type signal struct {
	name     string
	family   family
	quantile float64     // latency
	margin   float64     // latency: tolerated slowdown
	kpi      runbook.KPI // kpi
	window   runbook.Duration
}

func comparative(t runbook.Trigger) bool { return t.Type != runbook.AbsoluteSLO }

// signalOf names what a comparative trigger compares.
func (b *book) signalOf(t runbook.Trigger) signal {
	switch t.Type {
	case runbook.LatencyQuantile:
		s := signal{family: slowFamily(), quantile: t.Quantile, margin: min(tolerateSlow, float64(t.Increase)/2)}
		s.name = "latency_" + percentile(s.quantile)
		if s.margin < tolerateSlow {
			s.name += "_within_" + num(s.margin*100)
		}
		return s
	case runbook.KPIDrop:
		kpi, _ := b.KPI(t.KPI)
		return signal{name: "kpi_" + kpi.Name, family: kpiFamily(), kpi: kpi}
	default:
		return signal{name: "errors", family: errorFamily()}
	}
}

// signals are those of all comparative triggers, in the runbook's order, each with
// the longest window that any of its triggers has.
func (b *book) signals() []signal {
	var out []signal
	at := map[string]int{}
	for _, t := range b.Triggers {
		if !comparative(t) {
			continue
		}
		s := b.signalOf(t)
		i, have := at[s.name]
		if !have {
			i = len(out)
			at[s.name] = i
			out = append(out, s)
		}
		out[i].window = max(out[i].window, t.For)
	}
	return out
}

// podRules record, for each pod and interval, opportunities and events of the signal.
func (b *book) podRules(s signal) []draft {
	switch s.family.name {
	case "latency":
		return b.latencyRules(s)
	case "kpi":
		return b.counterRules(s, b.raw(s.kpi.Trials), b.raw(s.kpi.Successes), "trials", "successes")
	default:
		c := b.Metrics.Requests.Counter
		return b.counterRules(s, b.raw(c), b.raw(c, b.failed...), "requests", "failed requests")
	}
}

func (b *book) counterRules(s signal, all, bad, allWord, badWord string) []draft {
	keys := "region, release, role, " + b.Metrics.PodLabel
	sc := b.everyone()
	return []draft{
		{record: seriesPodAll, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: %s of each pod in one interval.", s.name, allWord),
			text: fmt.Sprintf("sum by (%s) (%s)", keys, b.sided(b.delta(all), sc))},
		{record: seriesPodBad, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: %s of each pod in one interval; none yet is 0.", s.name, badWord),
			text: fmt.Sprintf("sum by (%[1]s) (%[2]s) or on (%[1]s) 0 * %[3]s", keys, b.sided(b.bornDelta(bad, all), sc), sc.rec(seriesPodAll, match("signal", s.name)))},
	}
}
