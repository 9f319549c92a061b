package lifecycle

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/autorollback/autorollback/record"
)

// An incident is one value in a store whose values are small, and part of what it
// holds was written by strangers (labels, annotations, error texts).
const (
	maxIncident = 60 << 10 // bytes of JSON
	maxAlerts   = 16
	maxLabels   = 24
)

// fit keeps the incident small enough to be stored: first the raw answers of
// Prometheus give way, which the evidence folder has, then the middle of the timeline.
func (s *State) truncateIncident() {
	if s.Incident == nil {
		return
	}
	for _, lighten := range []func(*record.Incident){asItIs, withoutAnswers, withoutLabels, withoutQueries, withShortTimeline, withShortKeys, bareMinimum} {
		lighten(s.Incident)
		if text, err := json.Marshal(s.Incident); err != nil || len(text) <= maxIncident {
			return // what cannot be encoded is the commit's error
		}
	}
}

func asItIs(i *record.Incident) {
	i.Decision.Reasons = truncateAll(i.Decision.Reasons)
	i.By, i.Evidence = record.Truncate(i.By, record.MaxValue), record.Truncate(i.Evidence, record.MaxLine)
	i.Breach.Problem, i.Breach.Significance.Problem = record.Truncate(i.Breach.Problem, record.MaxLine), record.Truncate(i.Breach.Significance.Problem, record.MaxLine)
}

// withoutLabels leaves them to the first alert only.
func withoutLabels(i *record.Incident) {
	for n := range i.Alerts {
		if n > 0 {
			i.Alerts[n].Labels, i.Alerts[n].Annotations = nil, nil
		}
	}
}

// bareMinimum is what is left if all of it is made of characters that JSON spells with six.
func bareMinimum(i *record.Incident) {
	for n := range i.Timeline {
		i.Timeline[n].Text, i.Timeline[n].By = record.Truncate(i.Timeline[n].Text, 100), record.Truncate(i.Timeline[n].By, 40)
	}
	for n := range i.Alerts {
		i.Alerts[n].Labels, i.Alerts[n].Annotations = nil, nil
	}
	i.Decision.Reasons = i.Decision.Reasons[:min(len(i.Decision.Reasons), 3)]
	i.Breach.Queries, i.Answers = nil, nil
	if i.Verdict != nil {
		i.Verdict.Answers = nil // lightened before: our own copy
	}
}

func truncateAll(lines []string) []string {
	kept := slices.Clone(lines[:min(len(lines), 20)])
	for n := range kept {
		kept[n] = record.Truncate(kept[n], record.MaxLine)
	}
	return kept
}

func withoutAnswers(i *record.Incident) { lightenQueries(i, 80, 2<<10) }

func withoutQueries(i *record.Incident) { lightenQueries(i, 80, 80) }

func withShortTimeline(i *record.Incident) {
	i.Timeline = shorten(slices.Clone(i.Timeline), maxTimeline/2)
	for n := range i.Timeline {
		i.Timeline[n].Text = record.Truncate(i.Timeline[n].Text, record.MaxLine/2)
	}
}

// lightenQueries cuts every question and its answer. What was read is not touched.
func lightenQueries(i *record.Incident, answer, expr int) {
	light := func(q record.Query) record.Query {
		q.Answer, q.Expr = record.Truncate(q.Answer, answer), record.Truncate(q.Expr, expr)
		return q
	}
	answers := func(all []record.Answer) []record.Answer {
		all = slices.Clone(all)
		for n := range all {
			all[n].Query, all[n].Text = light(all[n].Query), record.Truncate(all[n].Text, record.MaxLine)
		}
		return all
	}
	i.Breach.Queries = slices.Clone(i.Breach.Queries)
	for n := range i.Breach.Queries {
		i.Breach.Queries[n] = light(i.Breach.Queries[n])
	}
	i.Answers = answers(i.Answers)
	if i.Verdict != nil {
		v := *i.Verdict
		v.Answers, v.Reason = answers(v.Answers), record.Truncate(v.Reason, 2*record.MaxLine)
		i.Verdict = &v
	}
}

// withShortKeys cuts the texts of a router's keys; the change's digest and splits stay.
func withShortKeys(i *record.Incident) {
	if i.Change == nil {
		return
	}
	c := *i.Change
	c.Keys = slices.Clone(c.Keys)
	for n := range c.Keys {
		c.Keys[n].From, c.Keys[n].To = record.Truncate(c.Keys[n].From, record.MaxLine/2), record.Truncate(c.Keys[n].To, record.MaxLine/2)
	}
	i.Change = &c
}

// small is an alert without more of a stranger's text than is needed to know it again.
func small(a record.Alert) record.Alert {
	a.Labels, a.Annotations = smallMap(a.Labels), smallMap(a.Annotations)
	return a
}

func smallMap(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	kept := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(m))[:min(len(m), maxLabels)] {
		kept[record.Truncate(k, record.MaxValue)] = record.Truncate(m[k], record.MaxValue)
	}
	return kept
}
