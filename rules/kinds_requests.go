package rules

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

var requestKinds = map[runbook.TriggerType]kind{
	runbook.LatencyQuantile: {
		levels: latencyLevels,
		effect: latencyEffect,
		gate:   latencyGate,
		measure: func(b *compiler, t runbook.Trigger) Measure {
			l := b.latencyOf(t.Latency)
			return Measure{Histogram: b.matched(b.of(l.HistogramSeries())), Native: l.Kind == runbook.Native, Bounds: l.Buckets}
		},
		wording: latencyWording,
	},
	runbook.LatencyMean: {levels: latencyLevels, effect: latencyEffect, gate: latencyGate, wording: latencyWording},
	runbook.ErrorRate: {
		levels: failureLevels, effect: aloneEffect, gate: shareGate,
		wording: func(_ *compiler, t runbook.Trigger) wording {
			return wording{
				fmt.Sprintf("More than %s of the candidate's requests fail, over %s.", percent(float64(t.Above)), t.For),
				fmt.Sprintf("{{ $value | humanizePercentage }} of the candidate's requests fail%s.", where),
				"> " + num(float64(t.Above)),
			}
		},
	},
	runbook.ErrorIncrease: {
		levels: failureLevels, effect: gapEffect, gate: increaseGate,
		wording: func(_ *compiler, t runbook.Trigger) wording { return increaseWording(t, "error share") },
	},
	runbook.KPIDrop: {
		levels: kpiLevels, effect: ratioEffect,
		gate: func(_ *compiler, t runbook.Trigger, c comparison) string {
			return fmt.Sprintf("%s < %s", c.ratio(), num(1-float64(t.Drop)))
		},
		measure: func(b *compiler, t runbook.Trigger) Measure {
			k, _ := b.KPI(t.KPI)
			out := b.counters(b.of(k.TrialSeries()), b.of(k.GainSeries()))
			if k.IsMean() {
				out.Squares = b.matched(b.of(k.SquareSeries()))
			}
			return out
		},
		wording: kpiWording,
	},
	runbook.CanaryStarved: {
		anyPod: true,
		levels: func(_ *compiler, _ runbook.Trigger) []level {
			return []level{{name: "requests", words: "requests per second", expr: func(w window) string { return w.rate(w.b.requests()) }}}
		},
		effect: starvedEffect,
		gate: func(b *compiler, t runbook.Trigger, c comparison) string {
			return fmt.Sprintf("%s < %s unless %s %s", starvedEffect(b, t, c), num(float64(t.Below)), same, c.moved(t.For+Settled*b.Metrics.Step()))
		},
		wording: func(_ *compiler, t runbook.Trigger) wording {
			return wording{
				fmt.Sprintf("The candidate gets less than %s of the traffic that its weight asks for, over %s.", percent(float64(t.Below)), t.For),
				fmt.Sprintf("The candidate gets {{ $value | humanizePercentage }} of the traffic it should get%s.", where), "< " + num(float64(t.Below)),
			}
		},
	},
	runbook.Compare: {
		read: readPair,
		levels: func(b *compiler, t runbook.Trigger) []level {
			p := b.pairs[t.Name]
			return []level{{name: "compare_" + snake(t.Name), op: "ratio", words: "share that trigger " + t.Name + " compares",
				expr: func(w window) string { return w.ratio(p.bad, p.all) }}}
		},
		effect: gapEffect, gate: increaseGate,
		measure: func(b *compiler, t runbook.Trigger) Measure {
			return b.counters(b.pairs[t.Name].all, b.pairs[t.Name].bad)
		},
		wording: func(_ *compiler, t runbook.Trigger) wording {
			return increaseWording(t, "share of "+untemplated(t.Bad)+" in "+untemplated(t.All))
		},
	},
	runbook.Anomaly: {
		read: func(b *compiler, t runbook.Trigger) error {
			tree, err := b.parser.ParseExpr(t.Expr)
			if err != nil {
				return fmt.Errorf("expr: parse PromQL %q: %w", t.Expr, err)
			}
			b.anomalies[t.Name] = tree.String()
			return nil
		},
		effect: func(b *compiler, t runbook.Trigger, c comparison) string {
			return fmt.Sprintf("(%s or vector(0))", c.while(b.anomalies[t.Name]))
		},
		gate: func(b *compiler, t runbook.Trigger, c comparison) string { return c.while(b.anomalies[t.Name]) },
		wording: func(_ *compiler, t runbook.Trigger) wording {
			return wording{
				fmt.Sprintf("%s, for %s.", untemplated(t.Expr), t.For),
				fmt.Sprintf("The expression of trigger %s is true%s. It is not tested against chance.", t.Name, where), "true",
			}
		},
	},
	runbook.AbsoluteSLO: {absolute: anyVersionLimit, wording: absoluteWording},
}

func failureLevels(_ *compiler, _ runbook.Trigger) []level {
	return []level{{name: "requests_failed", op: "ratio", words: "share of requests that fail", expr: window.errorRate}}
}

func latencyLevels(b *compiler, t runbook.Trigger) []level {
	l := b.latencyOf(t.Latency)
	words := fmt.Sprintf("%s in %s", latencyName(t.Quantile, t.Latency), l.Unit.Words())
	if l.IsMean() {
		return []level{{name: latencySeries(t), op: "mean", words: words, expr: func(w window) string { return w.mean(l) }}}
	}
	out := []level{{name: latencySeries(t), op: snake(percentile(t.Quantile)), words: words, nan: true,
		expr: func(w window) string { return w.anyQuantile(l, t.Quantile) }}}
	if l, ok := b.beyond(t); ok {
		out = append(out, l)
	}
	return out
}

// latencySeries is what levels of the trigger's latency are called.
func latencySeries(t runbook.Trigger) string {
	if t.Latency == "" {
		return "latency"
	}
	return "latency_" + snake(t.Latency)
}

// beyond is what a quantile of a classic histogram cannot see, see [latencyGate].
func (b *compiler) beyond(t runbook.Trigger) (level, bool) {
	l := b.latencyOf(t.Latency)
	top, ok := topBucket(l)
	if !ok || t.Increase == 0 {
		return level{}, false
	}
	return level{name: latencySeries(t) + "_off_scale", op: "ratio", window: t.EffectWindow(b.Metrics.Step()),
		words: fmt.Sprintf("share of requests that the histogram cannot tell, above %s%s", num(top), l.Unit.Symbol()),
		expr:  func(w window) string { return w.beyond(l, top) }}, true
}

func latencyEffect(_ *compiler, t runbook.Trigger, c comparison) string {
	if t.Increase == 0 {
		return c.alone()
	}
	return c.ratio()
}

// latencyGate is the increase over stable, the ceiling, or either of the two. Above the
// ceiling the candidate is to blame only if it is slower than stable. Above the highest
// finite bucket a quantile stands still, however slow requests become: there a candidate
// with a whole percentage point more requests than stable is slow as well.
func latencyGate(b *compiler, t runbook.Trigger, c comparison) string {
	over := fmt.Sprintf("%s > %s clamp_min(%s, %s)", c.candidate, same, c.stable, num(b.latencyOf(t.Latency).Unit.Of(t.Ceiling)))
	if t.Increase == 0 {
		return over
	}
	gates := []string{fmt.Sprintf("%s > %s", c.ratio(), num(1+float64(t.Increase)))}
	if l, ok := b.beyond(t); ok {
		gates = append(gates, fmt.Sprintf("%s - %s %s > %s", c.side(l, runbook.Candidate), same, c.side(l, runbook.Stable), num(analysis.TopGap)))
	}
	if t.Ceiling > 0 {
		gates = append(gates, over)
	}
	if len(gates) == 1 {
		return gates[0]
	}
	return fmt.Sprintf("%s and %s (%s)", c.ratio(), same, strings.Join(gates, " or "+same+" "))
}

func latencyWording(b *compiler, t runbook.Trigger) wording {
	name, short := latencyName(t.Quantile, t.Latency), shortLatency(t)
	who := "The candidate's " + name
	if t.Quantile > 0 && t.Latency == "" {
		who = name + " of the candidate"
	}
	ratio := fmt.Sprintf("The candidate's %s is {{ $value | printf \"%%.2f\" }} times stable's%s.", short, where)
	times := "> " + num(1+float64(t.Increase))
	switch {
	case t.Ceiling == 0:
		return wording{fmt.Sprintf("%s is more than %s above stable, over %s.", who, percent(float64(t.Increase)), t.For), ratio, times}
	case t.Increase == 0:
		return wording{fmt.Sprintf("%s is above %s, and above stable's, over %s.", who, t.Ceiling, t.For),
			fmt.Sprintf("The candidate's %s is %s%s.", short, b.latencyValue(t), where), b.latencyLimit(t)}
	default:
		unit := b.latencyOf(t.Latency).Unit
		return wording{fmt.Sprintf("%s is more than %s above stable, or above %s, over %s.", who, percent(float64(t.Increase)), t.Ceiling, t.For),
			ratio, fmt.Sprintf("%s or > %s %s", times, num(unit.Of(t.Ceiling)), unit.Symbol())}
	}
}

func increaseWording(t runbook.Trigger, what string) wording {
	return wording{
		fmt.Sprintf("The candidate's %s is more than %s points, and more than %s times, above stable's, over %s.", what, num(float64(t.By)*100), num(t.MinRatio), t.For),
		fmt.Sprintf("The candidate's %s is {{ $value | humanizePercentage }} above stable's, in points%s.", what, where),
		"> " + num(float64(t.By)),
	}
}

func kpiLevels(b *compiler, t runbook.Trigger) []level {
	k, _ := b.KPI(t.KPI)
	op := "ratio"
	if k.IsMean() {
		op = "mean"
	}
	return []level{{name: "kpi_" + snake(k.Name), op: op, words: k.Name + " per trial", gain: true,
		expr: func(w window) string { return w.gain(k) }}}
}

// kpiWording names what a mean is of, and its unit if it has one.
func kpiWording(b *compiler, t runbook.Trigger) wording {
	k, _ := b.KPI(t.KPI)
	first, of, stable := t.KPI+" of the candidate", t.KPI, "stable"
	if k.IsMean() {
		of = "mean " + k.Name + " per trial"
		if k.Unit != "" {
			of += " in " + untemplated(k.Unit)
		}
		first, stable = "The candidate's "+of, "stable's"
	}
	return wording{
		fmt.Sprintf("%s is more than %s below %s, over %s.", first, percent(float64(t.Drop)), stable, t.For),
		fmt.Sprintf("The candidate's %s is {{ $value | humanizePercentage }} of stable's%s.", of, where),
		"< " + num(1-float64(t.Drop)),
	}
}

// starvedEffect is what the candidate gets of the traffic, as a share of what its weight
// asks for. No series: it gets nothing.
func starvedEffect(_ *compiler, _ runbook.Trigger, c comparison) string {
	gets := fmt.Sprintf("(%s or %s 0 * %s)", c.candidate, same, c.stable)
	return fmt.Sprintf("%[1]s / %[3]s (%[1]s + %[3]s %[2]s > 0) / %[3]s %[4]s", gets, c.stable, same, c.wanted())
}

// readPair reads the two counters of a compare trigger.
func readPair(b *compiler, t runbook.Trigger) error {
	bad, err := b.counter(t.Bad)
	if err != nil {
		return fmt.Errorf("bad: %w", err)
	}
	all, err := b.counter(t.All)
	if err != nil {
		return fmt.Errorf("all: %w", err)
	}
	b.pairs[t.Name] = pair{bad, all}
	return nil
}

// anyVersionLimit is a limit on the error rate, or on a quantile.
func anyVersionLimit(b *compiler, t runbook.Trigger) bound {
	if t.Ceiling > 0 {
		l := b.latencyOf(t.Latency)
		return bound{
			level:  func(w window) string { return w.quantile(l, t.Quantile) },
			behind: func(w window) string { return w.observed(l) },
			limit:  l.Unit.Of(t.Ceiling), least: b.minObserved(t.Quantile),
		}
	}
	return bound{level: window.errorRate, behind: window.requests, limit: float64(t.Above), least: b.minRequests()}
}

func absoluteWording(b *compiler, t runbook.Trigger) wording {
	if t.Ceiling > 0 {
		return wording{
			fmt.Sprintf("%s of all versions together is above %s, over %s.", latencyName(t.Quantile, t.Latency), t.Ceiling, t.For),
			fmt.Sprintf("Users get a %s of %s%s, whatever the version.", shortLatency(t), b.latencyValue(t), where),
			b.latencyLimit(t),
		}
	}
	return wording{
		fmt.Sprintf("More than %s of the requests to any version fail, over %s.", percent(float64(t.Above)), t.For),
		fmt.Sprintf("{{ $value | humanizePercentage }} of all requests fail%s, whatever the version.", where),
		"> " + num(float64(t.Above)),
	}
}
