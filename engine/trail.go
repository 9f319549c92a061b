package engine

import (
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// other stands in metrics for every name that no runbook has: a webhook can say what it
// likes, and must not make series.
const other = "other"

// labelsOf are an alert's service and trigger as label values. There are as many as runbooks
// have.
func (e *Engine) labelsOf(a record.Alert) (named, trigger string) {
	if a.Service == "" && (a.Trigger == watchdog || a.Trigger == doctor) {
		return "", a.Trigger
	}
	s, known := e.service(a.Service)
	if !known {
		return other, other
	}
	if _, known = s.rb.Trigger(a.Trigger); known || slices.Contains(ownTriggers, a.Trigger) {
		return a.Service, a.Trigger
	}
	return a.Service, other
}

// ownTriggers are those that no runbook may have.
var ownTriggers = []string{watchdog, blind, doctor}

// LeftOut accounts for alerts that a source could not pass on. It logs nothing: whoever left
// them out does.
func (e *Engine) LeftOut(alerts []record.Alert, o record.AlertOutcome) {
	for _, a := range alerts {
		e.metrics.alerts.WithLabelValues(string(a.Source), other, other, string(o)).Inc()
		e.keep("", other, result(a, only(o)))
	}
}

// account counts, keeps and logs what became of an alert. The watcher sees the same every few
// seconds, and says it once in a while.
func (e *Engine) account(a record.Alert, r record.AlertResult) {
	r = result(a, r)
	named, trigger := e.labelsOf(a)
	e.metrics.alerts.WithLabelValues(string(a.Source), named, trigger, string(r.Outcome)).Inc()
	if r.Outcome != record.Alive && r.Outcome != record.Probed {
		list := named
		if _, known := e.service(a.Service); !known {
			list = ""
		}
		e.keep(list, trigger, r)
	}
	if a.Source == record.Watcher && !e.said.fresh(time.Now(), a.Service, a.Trigger, a.Region, string(r.Outcome)) {
		return
	}
	e.log.Log(levelOf(r.Outcome), "alert", fieldsOf(r)...)
}

func levelOf(o record.AlertOutcome) zapcore.Level {
	switch o {
	case record.UnknownService, record.UnknownRegion, record.UnknownTrigger, record.Blind, record.NotCommitted:
		return zap.WarnLevel
	case record.Alive, record.Probed:
		return zap.DebugLevel
	}
	return zap.InfoLevel
}

// fieldsOf are a result's fields for the log, without those that are empty.
func fieldsOf(r record.AlertResult) []zap.Field {
	fields := []zap.Field{zap.String("outcome", string(r.Outcome)), zap.String("source", string(r.Source)),
		zap.String("service", r.Service), zap.String("trigger", r.Trigger), zap.String("region", r.Region)}
	more := []struct{ name, value string }{
		{"guard", r.Guard}, {"incident", r.Incident}, {"problem", r.Problem}, {"dead", strings.Join(r.Dead, ",")}}
	for _, m := range more {
		if m.value != "" {
			fields = append(fields, zap.String(m.name, m.value))
		}
	}
	return fields
}

// result is what became of an alert, with what the alert itself says.
func result(a record.Alert, r record.AlertResult) record.AlertResult {
	if r.At = a.ReceivedAt; r.At.IsZero() {
		r.At = time.Now().UTC()
	}
	r.Count, r.Source, r.Service, r.Trigger, r.StartsAt = 1, a.Source, a.Service, a.Trigger, a.StartsAt
	if r.Region == "" {
		r.Region = a.Region
	}
	r.Problem, r.Reason = record.Truncate(r.Problem, record.MaxValue), record.Truncate(r.Reason, record.MaxValue)
	return r
}

// resultOf is what became of an alert that was stepped.
func resultOf(o record.AlertOutcome, b record.Breach, next lifecycle.State) record.AlertResult {
	r := record.AlertResult{Outcome: o, State: b.State, Significance: b.Significance.Value,
		Problem: b.Problem, Dead: b.Dead}
	if d := next.Said.Decision; b.State != "" && d.Guard != "" {
		r.Action, r.Guard, r.Reason = d.Action, d.Guard, strings.Join(d.Reasons[:min(len(d.Reasons), 1)], "")
	}
	if next.Incident != nil && (b.State != record.NotBreaching || next.Said.Repeated) {
		r.Incident = next.Incident.ID
	}
	if next.Said.Repeated && (o == record.Confirmed || o == record.WithoutData || o == record.NoRelease) {
		r.Outcome = record.Duplicate
	}
	return r
}

// blindResult is what became of the companion's alert: it names the triggers that have no data,
// and those that cannot fire as this process saw them last.
func (e *Engine) blindResult(r record.AlertResult, rb *runbook.Runbook) record.AlertResult {
	for _, t := range rb.Triggers {
		if state, _ := e.fresh(rb.Service).Armed(t.Name); state == record.Off && !slices.Contains(r.Dead, t.Name) {
			r.Dead = append(slices.Clone(r.Dead), t.Name)
		}
	}
	if len(r.Dead) > 0 && r.Outcome != record.Duplicate {
		r.Outcome = record.Blind
	}
	return r
}

const (
	// TrailKept is how long the results of alerts are kept.
	TrailKept = 7 * 24 * time.Hour
	mostKept  = 200 // of one service, and of all that no runbook has
)

// A trail is what became of the alerts of the last days, as this process saw it. Alerts of
// services that no runbook has share one list.
type trail struct {
	mu    sync.Mutex
	since time.Time // all that this replica received since then was here once
	lists map[string]*kept
}

// kept are a service's results, the newest last.
type kept struct {
	results []record.AlertResult
	lost    time.Time // when the newest of those that had to go was received
}

// add keeps a result; several equal ones within minutes are one.
func (t *trail) add(service string, r record.AlertResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lists[service]
	if l == nil {
		l = &kept{}
		t.lists[service] = l
	}
	for n := len(l.results) - 1; n >= 0 && r.At.Sub(l.results[n].Newest()) <= policy.Quiet; n-- {
		if was := l.results[n]; r.Repeats(was) {
			r.At, r.Last, r.Count = was.At, r.Newest(), was.Count+r.Count
			l.results = slices.Delete(l.results, n, n+1)
			break
		}
	}
	l.results = append(l.results, r)
	for len(l.results) > mostKept || r.Newest().Sub(l.results[0].Newest()) > TrailKept {
		l.lost = l.results[0].Newest()
		l.results = slices.Delete(l.results, 0, 1)
	}
}

// of are the results of a service, newest first, and since when they are all there were.
func (t *trail) of(service string, now time.Time) (results []record.AlertResult, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if since = t.since; now.Sub(since) > TrailKept {
		since = now.Add(-TrailKept)
	}
	l := t.lists[service]
	if l == nil {
		return nil, since
	}
	if l.lost.After(since) {
		since = l.lost
	}
	old := func(r record.AlertResult) bool { return now.Sub(r.Newest()) > TrailKept }
	results = slices.DeleteFunc(slices.Clone(l.results), old)
	slices.Reverse(results)
	return results, since
}

// newest are the newest results of all services, newest first.
func (t *trail) newest(most int, now time.Time) []record.AlertResult {
	t.mu.Lock()
	names := make([]string, 0, len(t.lists))
	for name := range t.lists {
		names = append(names, name)
	}
	t.mu.Unlock()
	all := []record.AlertResult{}
	for _, name := range names {
		results, _ := t.of(name, now)
		all = append(all, results[:min(len(results), most)]...)
	}
	slices.SortStableFunc(all, func(a, b record.AlertResult) int { return b.Newest().Compare(a.Newest()) })
	return all[:min(len(all), most)]
}

// keep remembers a result, and writes it down where it says something new, for the time after
// a restart. What is written is bounded: names that no runbook has share a line.
func (e *Engine) keep(list, trigger string, r record.AlertResult) {
	e.trail.add(list, r)
	if e.written.fresh(r.At, string(r.Source), list, trigger, string(r.Outcome), r.Guard, r.Incident) {
		text := record.Truncate(r.Trigger+": "+r.Words(), record.MaxLine)
		e.write(r.Incident, record.Record{At: r.At, Kind: record.AlertKind, Text: text, Alert: &r})
	}
}

// recall fills the trail with what was written down before this process began. Of what is older
// than the first of it nothing is known.
func (e *Engine) recall(past []record.AlertResult) {
	e.trail.since = time.Now().UTC()
	for n, r := range past {
		if n == 0 {
			e.trail.since = r.At
		}
		if e.opts.Region != "" && r.Region != e.opts.Region {
			continue
		}
		list := r.Service
		if _, known := e.service(list); !known {
			list = ""
		}
		e.trail.add(list, r)
	}
}

// A hush remembers what was said lately. Its zero value is ready to use.
type hush struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// mostHushed bounds what is remembered; past it all is said once more.
const mostHushed = 1000

// fresh reports whether this was not said in the last ten minutes, and takes it as said.
func (h *hush) fresh(now time.Time, what ...string) bool {
	key := strings.Join(what, "\x00")
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, there := h.last[key]; there && now.Sub(at) < policy.Quiet {
		return false
	}
	if len(h.last) >= mostHushed || h.last == nil {
		h.last = map[string]time.Time{}
	}
	h.last[key] = now
	return true
}
