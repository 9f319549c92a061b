package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// breach is the whole question of a trigger within the scope: effect, evidence and
// pod guard, or an absolute limit.
func (b *book) breach(t runbook.Trigger, s scope, region string) string {
	if t.Absolute() {
		return b.limit(t, region)
	}
	if durable(t) {
		return b.lasted(t, s)
	}
	release, trailing := bars(b.comparatives(), b.Metrics.Interval)
	is := match("signal", b.signalOf(t).name)
	return fmt.Sprintf(`(%s)
		and on (region, release) (%s > %s or %s > %s)`, b.gate(t, s),
		s.rec(seriesEvidence, is, `window="release"`), up(release),
		s.rec(seriesEvidence, is, `window!="release"`), up(trailing)) + b.podGuard(t, s)
}

// podGuard demands that no few pods make the breach. The traffic that a candidate
// does not get is no pod's doing.
func (b *book) podGuard(t runbook.Trigger, s scope) string {
	signal := b.signalOf(t)
	switch {
	case signal.parts != nil:
		return " unless on (region, release) (" + b.partGuard(t, s) + ")"
	case !signal.family.guarded && !signal.isMean():
		return ""
	}
	is := match("signal", signal.name)
	return fmt.Sprintf(" and on (region, release) (%s > %s or %s == 1)",
		s.rec(seriesLeastPod, is), num(signal.guardBar()),
		s.rec(seriesPods, is, match("role", string(runbook.Candidate))))
}

func (b *book) comparatives() int {
	n := 0
	for _, t := range b.Triggers {
		if t.Proved() {
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
