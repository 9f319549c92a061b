package runbook

import (
	"fmt"
	"time"
)

// Types of triggers on what every service counts: requests, durations, KPIs, or whatever a
// team names itself.
const (
	LatencyQuantile TriggerType = "latency_quantile" // quantile, increase and/or ceiling
	LatencyMean     TriggerType = "latency_mean"     // increase and/or ceiling, unprotected; of a sum and a count
	ErrorRate       TriggerType = "error_rate"       // above
	ErrorIncrease   TriggerType = "error_increase"   // by, min_ratio
	KPIDrop         TriggerType = "kpi_drop"         // kpi, drop
	CanaryStarved   TriggerType = "canary_starved"   // below
	Compare         TriggerType = "compare"          // bad, all, by, min_ratio
	Anomaly         TriggerType = "anomaly"          // expr, unprotected
	AbsoluteSLO     TriggerType = "absolute_slo"     // above, or quantile and ceiling; any version
)

var requestKinds = map[TriggerType]kind{
	LatencyQuantile: {
		need: []string{"quantile"}, may: []string{"latency", "increase", "ceiling", "style"}, section: "latency",
		either: latencyLimits, check: checkQuantile,
		sentence: func(t Trigger) string {
			return latencySentence(t, t.latencyName(), "clearly slower than stable") + t.steady()
		},
		reading: latencyReading, query: latencyQuery,
	},
	LatencyMean: {
		may: []string{"latency", "increase", "ceiling", "unprotected"}, section: "latency",
		either: latencyLimits, window: 5 * time.Minute, uncompared: true, brief: true, check: checkMeanLatency,
		sentence: func(t Trigger) string { return latencySentence(t, t.latencyName(), "above stable") + ", all the time" },
		reading:  latencyReading, query: latencyQuery,
	},
	ErrorRate: {
		need: []string{"above"}, may: []string{"style"},
		sentence: func(t Trigger) string {
			return fmt.Sprintf("error rate above %s over %s, and clearly above stable", t.Above, t.For) + t.steady()
		},
		reading: func(t Trigger, value float64, _ string) (effect, limit string) {
			return "error rate " + Percent(value), Percent(float64(t.Above))
		},
		query: errorQuery,
	},
	ErrorIncrease: {
		may: []string{"by", "min_ratio", "style"}, defaults: increaseDefaults, window: 5 * time.Minute,
		sentence: func(t Trigger) string { return increaseSentence("error rate", t) },
		reading: func(t Trigger, value float64, stable string) (effect, limit string) {
			return points("error rate", t, value, stable)
		},
		query: errorQuery,
	},
	KPIDrop: {
		need: []string{"kpi", "drop"}, may: []string{"style"},
		intervals: 20, tooShort: "over a shorter window a KPI is a bare threshold on noise",
		check: checkKPI,
		sentence: func(t Trigger) string {
			return fmt.Sprintf("KPI %s %s below stable over %s, with significance", t.KPI, t.Drop, t.For)
		},
		reading: func(t Trigger, value float64, stable string) (effect, limit string) {
			return toStable(t.KPI, value, stable), Percent(float64(t.Drop))
		},
		query: func(r *Runbook, t Trigger) string { return r.kpiRatio(t.KPI, r.Metrics.bySide(), t.For) },
	},
	CanaryStarved: {
		may: []string{"below"}, window: 3 * time.Minute,
		defaults: func(p *decoder, at string, t *Trigger) { setDefault(p, at+".below", &t.Below, 0.5) },
		sentence: func(t Trigger) string {
			return fmt.Sprintf("candidate gets less than %s of its share of the traffic over %s", t.Below, t.For)
		},
		reading: func(t Trigger, value float64, _ string) (effect, limit string) {
			return "candidate gets " + Percent(value) + " of the traffic it should get", "less than " + Percent(float64(t.Below))
		},
		query: func(r *Runbook, t Trigger) string {
			m := r.Metrics
			return m.requests(m.bySide(), t.For) + " / on () group_left () " + m.requests("", t.For)
		},
	},
	Compare: {
		need: []string{"bad", "all"}, may: []string{"by", "min_ratio", "style"}, defaults: increaseDefaults, window: 5 * time.Minute,
		check: func(p *decoder, at string, t Trigger, r *Runbook) {
			for field, text := range map[string]string{"bad": t.Bad, "all": t.All} {
				if p.has(join(at, field)) {
					p.counter(join(at, field), text, r.Metrics.SideLabel())
				}
			}
		},
		sentence: func(t Trigger) string { return increaseSentence(t.Bad+" of "+t.All, t) },
		reading: func(t Trigger, value float64, stable string) (effect, limit string) {
			return points(t.Bad+" of "+t.All, t, value, stable)
		},
		query: func(r *Runbook, t Trigger) string {
			by := r.Metrics.bySide()
			return r.Metrics.sumOf(by, t.Bad, t.For) + " / " + r.Metrics.sumOf(by, t.All, t.For)
		},
	},
	Anomaly: {
		need: []string{"expr"}, may: []string{"unprotected"}, window: 5 * time.Minute, uncompared: true,
		check: func(p *decoder, at string, t Trigger, _ *Runbook) {
			if p.has(at + ".expr") {
				p.vector(at+".expr", t.Expr)
			}
		},
		sentence: func(t Trigger) string { return fmt.Sprintf("%s, all the time for %s", t.Expr, t.For) },
		reading: func(t Trigger, _ float64, _ string) (effect, limit string) {
			return "the expression " + t.Expr + " is true", "true all the time for " + t.For.String()
		},
		query: func(_ *Runbook, t Trigger) string { return t.Expr },
	},
	AbsoluteSLO: {
		either: absoluteFields, may: []string{"latency"}, check: checkAbsolute,
		absolute: func(Trigger) (name, why string) {
			return "absolute_slo", "an absolute limit pages and never moves traffic, because any version may break it"
		},
		sentence: func(t Trigger) string {
			if t.Ceiling > 0 {
				return fmt.Sprintf("%s of any version above %s over %s", t.latencyName(), t.Ceiling, t.For)
			}
			return fmt.Sprintf("error rate of any version above %s over %s", t.Above, t.For)
		},
		reading: func(t Trigger, value float64, _ string) (effect, limit string) {
			if t.Ceiling > 0 {
				return t.latencyName() + " " + Seconds(value) + " over all versions", Seconds(t.Ceiling.Std().Seconds())
			}
			return "error rate " + Percent(value) + " over all versions", Percent(float64(t.Above))
		},
		query: func(r *Runbook, t Trigger) string {
			if t.Ceiling > 0 {
				return r.Metrics.latency(t.Latency, t.Quantile, nil, t.For)
			}
			return r.Metrics.errorShare("", t.For)
		},
	},
}

// latencyLimits are the fields of which a latency trigger needs one.
func latencyLimits(p *decoder, at string) []string {
	if p.has(at + ".ceiling") {
		return nil
	}
	return []string{"increase"}
}

// latencyName names what a trigger on latency looks at, e.g. "P95 latency of ttft".
func (t Trigger) latencyName() string {
	if t.Quantile == 0 {
		return "mean latency" + ofLatency(t.Latency)
	}
	return quantileName(t.Quantile) + " latency" + ofLatency(t.Latency)
}

func latencySentence(t Trigger, name, slower string) string {
	switch {
	case t.Ceiling == 0:
		return fmt.Sprintf("%s %s above stable over %s", name, t.Increase, t.For)
	case t.Increase == 0:
		return fmt.Sprintf("%s above %s over %s, and %s", name, t.Ceiling, t.For, slower)
	}
	return fmt.Sprintf("%s %s above stable or above %s over %s, and %s", name, t.Increase, t.Ceiling, t.For, slower)
}

func latencyReading(t Trigger, value float64, stable string) (effect, limit string) {
	if t.Increase > 0 {
		return toStable(t.latencyName(), value, stable), Percent(float64(t.Increase))
	}
	return t.latencyName() + " of the candidate " + Seconds(value), Seconds(t.Ceiling.Std().Seconds())
}

func latencyQuery(r *Runbook, t Trigger) string {
	return r.Metrics.latency(t.Latency, t.Quantile, []string{r.Metrics.SideLabel()}, t.For)
}

// checkQuantile, checkMeanLatency and checkAbsolute hold the latency that a trigger names
// against what is declared.
func checkQuantile(p *decoder, at string, t Trigger, r *Runbook) {
	if l, ok := r.checkLatency(p, at, t.Latency); ok && l.IsMean() {
		p.add(at+".latency", fmt.Sprintf("%s has a sum and a count, and so no quantile", l.title()), "name a histogram, or write a trigger of type latency_mean")
	}
}

func checkMeanLatency(p *decoder, at string, t Trigger, r *Runbook) {
	if l, ok := r.checkLatency(p, at, t.Latency); ok && !l.IsMean() {
		p.add(at+".latency", fmt.Sprintf("%s is a histogram, whose quantiles say more than a mean", l.title()), "write a trigger of type latency_quantile, or name a latency with sum and count")
	}
}

func checkAbsolute(p *decoder, at string, t Trigger, r *Runbook) {
	if t.Ceiling > 0 {
		checkQuantile(p, at, t, r)
	} else if p.has(at + ".latency") {
		p.add(at+".latency", "belongs to quantile and ceiling", "leave it out, or write quantile and ceiling")
	}
}

// checkLatency finds the latency that is named; false if none is declared.
func (r *Runbook) checkLatency(p *decoder, at, name string) (Latency, bool) {
	l, ok := r.Metrics.LatencyOf(name)
	if all := r.Metrics.AllLatencies(); !ok && len(all) > 0 {
		var names []string
		for _, o := range r.Metrics.Latencies {
			names = append(names, o.Name)
		}
		p.unknown(at+".latency", name, names, "declare it under metrics.latencies")
	}
	return l, ok
}

func increaseDefaults(p *decoder, at string, t *Trigger) {
	setDefault(p, at+".by", &t.By, 0.005)
	setDefault(p, at+".min_ratio", &t.MinRatio, 1.5)
}

func increaseSentence(what string, t Trigger) string {
	return fmt.Sprintf("%s %s points and %s times above stable over %s", what, trimPercent(t.By), number(t.MinRatio), t.For) + t.steady()
}

func errorQuery(r *Runbook, t Trigger) string { return r.Metrics.errorShare(r.Metrics.bySide(), t.For) }

func checkKPI(p *decoder, at string, t Trigger, r *Runbook) {
	if t.Style == ByThreshold {
		p.add(at+".style", "\"threshold\" is refused for a KPI",
			"leave it out: as a bare threshold, a small drop of a KPI rolls back nearly every good release")
	}
	if _, ok := r.KPI(t.KPI); !ok && t.KPI != "" {
		p.undeclared(at+".kpi", t.KPI, r.Metrics.KPIs)
	}
}

// absoluteFields are those of one limit: of the error rate, or of a quantile.
func absoluteFields(p *decoder, at string) []string {
	above, latency := p.has(at+".above"), p.has(at+".ceiling") || p.has(at+".quantile")
	switch {
	case above && latency:
		p.add(at+".above", "stands beside quantile and ceiling", "write two triggers: one limit each")
		return []string{"above", "quantile", "ceiling"}
	case latency:
		return []string{"quantile", "ceiling"}
	default:
		return []string{"above"}
	}
}
