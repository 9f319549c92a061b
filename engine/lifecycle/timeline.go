package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// note appends one line to the incident's timeline. The timeline is bounded: past
// maxTimeline the oldest of its chatter gives way, see [shorten].
func (s *State) note(now time.Time, kind, by, text string) {
	if s.Incident == nil {
		return
	}
	line := record.Record{At: now, Kind: kind, By: record.Truncate(by, 100), Text: record.Truncate(text, record.MaxLine), Op: s.Op}
	if o := s.Write.Order; o != nil && by != "" { // a step has one order, and nobody else's lines
		line.How, line.From = o.How, o.From
	}
	s.Incident.Timeline = shorten(append(s.Incident.Timeline, line), maxTimeline)
}

// shorten drops lines that repeat themselves (polls, further alerts, messages) until
// so many are left, the oldest first but not the beginning; then lines of the middle.
func shorten(t []record.Record, most int) []record.Record {
	for len(t) > most {
		drop := len(t) / 2
		for n := min(8, most/2); n < len(t)-most/4; n++ {
			if slices.Contains([]string{"poll", "alert", "told", "asked_again"}, t[n].Kind) {
				drop = n
				break
			}
		}
		t = slices.Delete(t, drop, drop+1)
	}
	return t
}

const maxTimeline = 80

// told takes a message out of the outbox that was delivered, given up, or overtaken. It is noted
// in its own incident only: the target may have gone on to another.
func (s *State) told(ev MessageSent, now time.Time) {
	if !s.Outbox[ev.Message] {
		return
	}
	s.Write.Sent = append(s.Write.Sent, ev.Message)
	kind := "told"
	switch {
	case ev.GaveUp:
		kind = "gave_up"
	case ev.NotSent:
		kind = "not_sent"
	}
	if s.Incident != nil && s.Incident.ID == ev.Incident {
		if s.Incident.ToldAt.IsZero() {
			s.Incident.ToldAt = ev.At
		}
		s.note(now, kind, "", ev.Text)
	}
}

// tell puts a message in the outbox, in the same transaction as what it tells of.
func (s *State) tell(compose func(record.Incident, *runbook.Runbook, time.Time) record.Message, now time.Time) {
	i := s.Incident
	i.Messages++
	m := compose(*i, s.Runbook, now)
	if m.EndsAt.IsZero() {
		i.Fire(m.Kind, m.Page)
	}
	m.ID, m.Number = fmt.Sprintf("%s-%d", m.ID, i.Messages), i.Messages
	if i.Thread.ID == "" {
		i.Thread, m.Thread = record.Thread{ID: m.ID, Title: m.Title}, record.Thread{}
	}
	s.Write.Messages = append(s.Write.Messages, m)
}

// An incident is one value in a store whose values are small, and part of what it
// holds was written by strangers (labels, annotations, error texts).
const (
	maxIncident = 60 << 10 // bytes of JSON
	maxAlerts   = 16
	maxLabels   = 24
)

// truncateIncident keeps the incident small enough to be stored: first the raw answers of
// Prometheus give way, which the evidence folder has, then the middle of the timeline.
func (s *State) truncateIncident() {
	if s.Incident == nil {
		return
	}
	for _, lighten := range []func(*record.Incident){asItIs, withoutAnswers, withoutLabels, withoutQueries, withShortTimeline, withShortKeys, withLateInstances, withoutLevels, bareMinimum} {
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

func withoutAnswers(i *record.Incident) { lightenQueries(i, 80, 2<<10) }

// withoutLabels leaves them to the first alert only.
func withoutLabels(i *record.Incident) {
	for n := range i.Alerts {
		if n > 0 {
			i.Alerts[n].Labels, i.Alerts[n].Annotations = nil, nil
		}
	}
}

func withoutQueries(i *record.Incident) { lightenQueries(i, 80, 80) }

func withShortTimeline(i *record.Incident) {
	i.Timeline = shorten(slices.Clone(i.Timeline), maxTimeline/2)
	for n := range i.Timeline {
		i.Timeline[n].Text = record.Truncate(i.Timeline[n].Text, record.MaxLine/2)
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

// withLateInstances leaves out the router's instances that follow.
func withLateInstances(i *record.Incident) {
	if i.Applied == nil {
		return
	}
	a := *i.Applied
	a.Instances = a.Late()
	for n := range a.Instances {
		a.Instances[n].Problem = record.Truncate(a.Instances[n].Problem, 20)
	}
	i.Applied = &a
}

// withoutLevels leaves the recovery questions over time to Prometheus.
func withoutLevels(i *record.Incident) { i.Levels = nil }

// bareMinimum is what is left if all of it is made of characters that JSON spells with six.
func bareMinimum(i *record.Incident) {
	for n := range i.Timeline {
		i.Timeline[n].Text, i.Timeline[n].By = record.Truncate(i.Timeline[n].Text, 100), record.Truncate(i.Timeline[n].By, 40)
	}
	for n := range i.Alerts {
		i.Alerts[n].Labels, i.Alerts[n].Annotations = nil, nil
	}
	i.Decision.Reasons = i.Decision.Reasons[:min(len(i.Decision.Reasons), 3)]
	if text, err := json.Marshal(i.Inputs); err != nil || len(text) > maxIncident/4 {
		i.Inputs = nil // the decision cannot be made again then
	}
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
