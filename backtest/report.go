package backtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// report lays what fired beside what really happened.
func (r *replaying) report(took time.Duration) Report {
	j := judge{incidents: r.Incidents, known: r.Incidents != nil, tolerance: r.Tolerance}
	weeks := r.To.Sub(r.From).Hours() / (7 * 24)
	out := Report{Service: r.Runbook.Service, From: r.From.UTC(), To: r.To.UTC(), Interval: r.Runbook.Metrics.Interval.String(),
		Observes: r.Runbook.Policy.Mode != runbook.Active, Derived: r.Derived, Releases: r.Releases,
		Firings: judged(j, r.firings), Judged: j.known, Incidents: []RealIncident{}, Warnings: r.warnings()}
	for _, i := range r.Incidents {
		out.Incidents = append(out.Incidents, j.incident(i, out.Firings, r.Releases, r.From, r.To, len(r.world.always) > 0))
	}
	for _, rule := range r.group.Rules {
		trigger := rule.Labels["trigger"]
		if rule.Alert == "" || trigger == rules.BlindTrigger {
			continue
		}
		t := TriggerReport{Trigger: trigger, Severity: rule.Labels["severity"], Threshold: thresholdText(rule),
			Tally: j.tally(out.Firings, trigger, weeks), curve: r.curves.points[trigger]}
		t.limit, t.has = threshold(rule)
		for _, v := range r.variants {
			t.Sensitivity = append(t.Sensitivity, v.report(j, trigger, weeks))
		}
		out.Triggers = append(out.Triggers, t)
	}
	days := r.To.Sub(r.From).Hours() / 24
	out.Speed = Speed{Days: days, Seconds: took.Seconds(), DaysPerMinute: days / took.Minutes(), Evaluations: r.world.evals}
	return out
}

func judged(j judge, f *firings) []Firing {
	all := f.list()
	for i := range all {
		j.firing(&all[i])
	}
	return all
}

func (v *variant) report(j judge, trigger string, weeks float64) Variant {
	out := Variant{Factor: v.factor, Tally: j.tally(judged(j, v.firings), trigger, weeks)}
	for _, rule := range v.group.Rules {
		if rule.Alert != "" && rule.Labels["trigger"] == trigger {
			out.Threshold = thresholdText(rule)
		}
	}
	return out
}

// warnings say what makes the result less than it seems.
func (r *replaying) warnings() []string {
	out := r.world.warnings()
	interval := r.Runbook.Metrics.Step().Std()
	switch {
	case r.samples == 0:
		out = append(out, fmt.Sprintf("the history has no series of the service in this period; look at metrics.selector (%s), at the names under metrics, and at Prometheus' retention", r.Runbook.Metrics.Selector))
	case r.gap > interval*3/2:
		out = append(out, fmt.Sprintf("the history has a sample every %s, but metrics.interval is %s: windows are too short for it; write the real scrape interval", r.gap, interval))
	}
	if len(r.Releases) == 0 {
		out = append(out, "no release was in flight in this period: triggers that compare had nothing to compare; name the releases with a file")
	}
	for _, rel := range r.Releases {
		if rel.Start.After(r.To) || !rel.End.IsZero() && !rel.End.After(r.From) {
			out = append(out, fmt.Sprintf("release %s (%s) is outside the period and was not replayed", rel.ID, rel.Start.Format(time.RFC3339)))
		} else if rel.Start.Before(r.begins) {
			out = append(out, fmt.Sprintf("release %s began before %s, where the reading begins: its significance is counted from there", rel.ID, r.begins.UTC().Format(time.RFC3339)))
		}
	}
	if len(r.Factors) > 0 {
		for _, t := range r.Runbook.Triggers {
			if t.Scaled(2) == t {
				out = append(out, fmt.Sprintf("trigger %s (%s) has no number to vary: its sensitivity says nothing", t.Name, t.Type))
			}
		}
	}
	return out
}

// Sentence says in one line how the period went.
func (r Report) Sentence() string {
	hits, wrong, missed := 0, 0, 0
	for _, t := range r.Triggers {
		hits, wrong = hits+t.Hits, wrong+t.False
	}
	for _, i := range r.Incidents {
		if i.Outcome == Missed {
			missed++
		}
	}
	parts := []string{fmt.Sprintf("%d false alarms (%.2g a week)", wrong, float64(wrong)/(r.To.Sub(r.From).Hours()/(7*24)))}
	if !r.Judged {
		parts[0] = fmt.Sprintf("%d alarms, not judged: no list of incidents was given", wrong)
	} else {
		parts = append(parts, fmt.Sprintf("%d hits", hits), fmt.Sprintf("%d incidents missed", missed))
	}
	return strings.Join(parts, ", ")
}
