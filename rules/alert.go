package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// condition is what a trigger's alert asks: its gate, and that the daemon found it
// significant; or an absolute limit.
func (b *book) condition(t runbook.Trigger) string {
	if t.Absolute() {
		return b.limit(t, "")
	}
	gate := b.gate(t, alerts{b})
	if !analysis.Comparative(t) {
		return gate
	}
	return fmt.Sprintf("%s and %s %s >= 1", gate, same, b.ours(exportedSignificance, match("trigger", t.Name)))
}

func (b *book) alert(t runbook.Trigger) draft {
	words := b.wording(t)
	d := draft{
		alert: alertName(b.Service, t.Name), text: b.condition(t),
		keep: 4 * b.Metrics.Interval, comment: words.sentence,
		labels:      b.alertLabels(t.Name, string(b.severity(t))),
		annotations: b.annotations(words.sentence, words.value, words.threshold),
	}
	if lasting(t) {
		d.wait = t.For
	}
	return d
}

func (b *book) severity(t runbook.Trigger) runbook.Severity {
	if t.Absolute() {
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
