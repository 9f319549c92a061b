package rules

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// A wording is what an alert says: the sentence of the runbook, the value as a
// template of Prometheus, the threshold.
type wording struct{ sentence, value, threshold string }

const where = `{{ with $labels.region }} in region {{ . }}{{ end }}{{ with $labels.release }}, release {{ . }}{{ end }}`

func (b *book) wording(t runbook.Trigger) wording {
	var w wording
	switch t.Type {
	case runbook.LatencyQuantile:
		w = latencyWording(t)
	case runbook.KPIDrop:
		if kpi, _ := b.KPI(t.KPI); kpi.IsMean() {
			w = meanWording(t, kpi)
			break
		}
		w = wording{
			fmt.Sprintf("%s of the candidate is more than %s below stable, over %s.", t.KPI, percent(float64(t.Drop)), t.For),
			fmt.Sprintf("The candidate's %s is {{ $value | humanizePercentage }} of stable's%s.", t.KPI, where),
			"< " + num(1-float64(t.Drop)),
		}
	case runbook.AbsoluteSLO:
		return absoluteWording(t)
	case runbook.ErrorRate:
		w = wording{
			fmt.Sprintf("More than %s of the candidate's requests fail, over %s.", percent(float64(t.Above)), t.For),
			fmt.Sprintf("{{ $value | humanizePercentage }} of the candidate's requests fail%s.", where),
			"> " + num(float64(t.Above)),
		}
	case runbook.ErrorIncrease, runbook.Compare:
		w = increaseWording(t)
	default:
		w = dataWording(t)
	}
	w.value += b.proof(t)
	return w
}

// proof says what stands behind the alert beside the effect.
func (b *book) proof(t runbook.Trigger) string {
	switch {
	case t.Style == runbook.ByThreshold:
		return fmt.Sprintf(" Effect over %s, all the time for %s, enough samples and not one pod's doing, says the daemon (autorollback_trigger_significance >= 1). It is not tested against chance.", 4*b.Metrics.Interval, t.For)
	case t.Type == runbook.CanaryStarved:
		return fmt.Sprintf(" Effect over %s; not chance, says the daemon (autorollback_trigger_significance >= 1).", t.For)
	case t.Proved():
		return fmt.Sprintf(" Effect over %s; not chance, nor one pod, says the daemon (autorollback_trigger_significance >= 1).", t.For)
	default:
		return ""
	}
}

func latencyWording(t runbook.Trigger) wording {
	name := percentile(t.Quantile)
	ratio := fmt.Sprintf("The candidate's %s is {{ $value | printf \"%%.2f\" }} times stable's%s.", name, where)
	seconds := num(t.Ceiling.Std().Seconds())
	switch {
	case t.Ceiling == 0:
		return wording{fmt.Sprintf("%s latency of the candidate is more than %s above stable, over %s.", name, percent(float64(t.Increase)), t.For),
			ratio, "> " + num(1+float64(t.Increase))}
	case t.Increase == 0:
		return wording{fmt.Sprintf("%s latency of the candidate is above %s, and above stable's, over %s.", name, t.Ceiling, t.For),
			fmt.Sprintf("The candidate's %s is {{ $value | humanizeDuration }}%s.", name, where), "> " + seconds}
	default:
		return wording{fmt.Sprintf("%s latency of the candidate is more than %s above stable, or above %s, over %s.", name, percent(float64(t.Increase)), t.Ceiling, t.For),
			ratio, "> " + num(1+float64(t.Increase)) + " or > " + seconds + " s"}
	}
}

func increaseWording(t runbook.Trigger) wording {
	what := "error share"
	if t.Type == runbook.Compare {
		what = "share of " + untemplated(t.Bad) + " in " + untemplated(t.All)
	}
	return wording{
		fmt.Sprintf("The candidate's %s is more than %s points, and more than %s times, above stable's, over %s.", what, num(float64(t.By)*100), num(t.MinRatio), t.For),
		fmt.Sprintf("The candidate's %s is {{ $value | humanizePercentage }} above stable's, in points%s.", what, where),
		"> " + num(float64(t.By)),
	}
}

func dataWording(t runbook.Trigger) wording {
	switch t.Type {
	case runbook.SchemaMismatch:
		return wording{fmt.Sprintf("More than %s of what the candidate checked does not fit the schema, over %s.", percent(float64(t.Above)), t.For),
			fmt.Sprintf("{{ $value | humanizePercentage }} of the candidate's rows do not fit the schema%s.", where), "> " + num(float64(t.Above))}
	case runbook.NullSpike:
		return wording{fmt.Sprintf("Missing values of some feature are more than %s points above stable's, over %s.", num(float64(t.By)*100), t.For),
			fmt.Sprintf("The candidate's worst feature is missing {{ $value | humanizePercentage }} more often than stable's, in points%s.", where), "> " + num(float64(t.By))}
	case runbook.DistributionShift:
		return shiftWording(t)
	case runbook.CanaryStarved:
		return wording{fmt.Sprintf("The candidate gets less than %s of the traffic that its weight asks for, over %s.", percent(float64(t.Below)), t.For),
			fmt.Sprintf("The candidate gets {{ $value | humanizePercentage }} of the traffic it should get%s.", where), "< " + num(float64(t.Below))}
	case runbook.DriftGauge:
		return wording{fmt.Sprintf("A drift score of the candidate is above its threshold, and none of stable's, for %s.", t.For),
			fmt.Sprintf("The candidate's highest drift score is {{ $value | printf \"%%.2f\" }} times its threshold%s. A score is not tested against chance.", where), "> 1"}
	default:
		return wording{fmt.Sprintf("%s, for %s.", untemplated(t.Expr), t.For),
			fmt.Sprintf("The expression of trigger %s is true%s. It is not tested against chance.", t.Name, where), "true"}
	}
}

func shiftWording(t runbook.Trigger) wording {
	from := "stable's"
	if t.Absolute() {
		from = "the reference"
	}
	if t.PSI > 0 {
		return wording{fmt.Sprintf("The distribution of %s is more than PSI %s from %s, over %s.", t.Distribution, num(t.PSI), from, t.For),
			fmt.Sprintf("The population stability index of %s is {{ $value | printf \"%%.3f\" }}%s.", t.Distribution, where), "> " + num(t.PSI)}
	}
	return wording{fmt.Sprintf("The distribution of %s is more than a distance of %s from %s, over %s.", t.Distribution, percent(float64(t.Distance)), from, t.For),
		fmt.Sprintf("The greatest gap between the cumulative shares of %s is {{ $value | humanizePercentage }}%s.", t.Distribution, where), "> " + num(float64(t.Distance))}
}

// untemplated keeps Prometheus from reading a text of the runbook as a template.
func untemplated(text string) string { return strings.ReplaceAll(text, "{{", "{ {") }

func absoluteWording(t runbook.Trigger) wording {
	if t.Ceiling > 0 {
		return wording{
			fmt.Sprintf("%s latency of all versions together is above %s, over %s.", percentile(t.Quantile), t.Ceiling, t.For),
			fmt.Sprintf("Users get a %s of {{ $value | humanizeDuration }}%s, whatever the version.", percentile(t.Quantile), where),
			"> " + num(t.Ceiling.Std().Seconds()),
		}
	}
	return wording{
		fmt.Sprintf("More than %s of the requests to any version fail, over %s.", percent(float64(t.Above)), t.For),
		fmt.Sprintf("{{ $value | humanizePercentage }} of all requests fail%s, whatever the version.", where),
		"> " + num(float64(t.Above)),
	}
}

// meanWording names what the mean is of, and its unit if it has one.
func meanWording(t runbook.Trigger, k runbook.KPI) wording {
	what := "mean " + k.Name + " per trial"
	if k.Unit != "" {
		what += " in " + untemplated(k.Unit)
	}
	return wording{
		fmt.Sprintf("The candidate's %s is more than %s below stable's, over %s.", what, percent(float64(t.Drop)), t.For),
		fmt.Sprintf("The candidate's %s is {{ $value | humanizePercentage }} of stable's%s.", what, where),
		"< " + num(1-float64(t.Drop)),
	}
}
