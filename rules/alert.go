package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// breach is the whole question of a trigger within the scope: effect, evidence and
// pod guard, or an absolute limit.
func (b *book) breach(t runbook.Trigger, s scope, region string) string {
	if !comparative(t) {
		return b.limit(t, region)
	}
	release, trailing := bars(b.comparatives(), b.Metrics.Interval)
	is := match("signal", b.signalOf(t).name)
	return fmt.Sprintf(`(%s)
		and on (region, release) (%s > %s or %s > %s)
		and on (region, release) (%s > %s or %s == 1)`, b.gate(t, s),
		s.rec(seriesEvidence, is, `window="release"`), up(release),
		s.rec(seriesEvidence, is, `window!="release"`), up(trailing),
		s.rec(seriesLeastPod, is), up(math.Log(leastPodEvidence)),
		s.rec(seriesPods, is, match("role", string(Candidate))))
}

func (b *book) comparatives() int {
	n := 0
	for _, t := range b.Triggers {
		if comparative(t) {
			n++
		}
	}
	return n
}

func (b *book) alert(t runbook.Trigger) draft {
	words := b.wording(t)
	return draft{
		alert: alertName(b.Service, t.Name), text: b.breach(t, b.everyone(), ""),
		keep: 4 * b.Metrics.Interval, comment: words.sentence,
		labels:      b.alertLabels(t.Name, string(b.severity(t))),
		annotations: b.annotations(words.sentence, words.value, words.threshold),
	}
}

func (b *book) severity(t runbook.Trigger) runbook.Severity {
	if !comparative(t) {
		return runbook.Page
	}
	return t.Severity
}

// alertLabels are constant: a value or a version here would make a new alert of it.
func (b *book) alertLabels(trigger, severity string) map[string]string {
	return labelsOf("autorollback", "true", "runbook", b.Service, "trigger", trigger, "severity", severity)
}

func (b *book) annotations(sentence, value, threshold string) map[string]string {
	return map[string]string{
		"summary":                     b.Service + ": " + sentence,
		"description":                 value,
		"autorollback_runbook_digest": b.Digest,
		"autorollback_threshold":      threshold,
	}
}

type wording struct{ sentence, value, threshold string }

func (b *book) wording(t runbook.Trigger) wording {
	const where = `{{ with $labels.region }} in region {{ . }}{{ end }}{{ with $labels.release }}, release {{ . }}{{ end }}`
	switch t.Type {
	case runbook.LatencyQuantile:
		return wording{
			fmt.Sprintf("%s latency of the candidate is more than %s above stable, over %s.", percentile(t.Quantile), percent(float64(t.Increase)), t.For),
			fmt.Sprintf("The candidate's %s is {{ $value | printf \"%%.2f\" }} times stable's%s.", percentile(t.Quantile), where),
			"> " + num(1+float64(t.Increase)),
		}
	case runbook.KPIDrop:
		return wording{
			fmt.Sprintf("%s of the candidate is more than %s below stable, over %s.", t.KPI, percent(float64(t.Drop)), t.For),
			fmt.Sprintf("The candidate's %s is {{ $value | humanizePercentage }} of stable's%s.", t.KPI, where),
			"< " + num(1-float64(t.Drop)),
		}
	case runbook.AbsoluteSLO:
		return absoluteWording(t, where)
	default:
		return wording{
			fmt.Sprintf("More than %s of the candidate's requests fail, over %s.", percent(float64(t.Above)), t.For),
			fmt.Sprintf("{{ $value | humanizePercentage }} of the candidate's requests fail%s.", where),
			"> " + num(float64(t.Above)),
		}
	}
}

func absoluteWording(t runbook.Trigger, where string) wording {
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
