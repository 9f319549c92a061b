package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about a service's rules in Prometheus. They belong to no release.
const (
	KindRuleDrift      = "rule_drift"
	KindRuleDriftEnded = "rule_drift_ended"
)

// DriftMsg says that the rules which judge a service are not those of its runbook. It
// pages if a release is open.
func DriftMsg(c record.RulesCheck, rb *runbook.Runbook, open bool, now time.Time) record.Message {
	var lines []string
	for n, d := range c.Drift {
		if n == 8 {
			lines = append(lines, fmt.Sprintf("… and %d more", len(c.Drift)-n))
			break
		}
		lines = append(lines, "- "+d.Kind+": "+word(d.Text))
	}
	m := rulesMessage(c, rb, KindRuleDrift, now,
		fmt.Sprintf("%s: the rules in Prometheus are not those of the runbook", c.Service),
		strings.Join(lines, "\n"),
		"Until it is mended a rollback by these rules is asked for and not done alone, and nothing is promoted. A rule that is missing raises no alert at all.",
		todo("autorollback rules verify; autorollback rules generate, and reload Prometheus."), owner(rb))
	m.Page = open
	return m
}

// DriftEndedMsg says that the rules are those of the runbook again.
func DriftEndedMsg(c record.RulesCheck, rb *runbook.Runbook, now time.Time) record.Message {
	m := rulesMessage(c, rb, KindRuleDriftEnded, now,
		fmt.Sprintf("%s: the rules in Prometheus are those of the runbook again", c.Service),
		fmt.Sprintf("They were not since %s. Automation acts on them again.", clock(c.Since)), owner(rb))
	m.EndsAt = now
	return m
}

func rulesMessage(c record.RulesCheck, rb *runbook.Runbook, kind string, now time.Time, title string, lines ...string) record.Message {
	var text []string
	for _, line := range lines {
		if line != "" {
			text = append(text, line)
		}
	}
	return record.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("rules-%s-%s-%d", c.Service, kind, c.Since.Unix()), Service: c.Service, Region: rb.Regions[0],
		Kind: kind, Title: cut(title, maxTitle), Text: cut(strings.Join(text, "\n"), maxText), StartsAt: c.Since, CreatedAt: now,
	}
}
