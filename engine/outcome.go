package engine

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An outcome is what became of one alert that was heard. Each has exactly one, which is
// counted and logged, whatever is wrong with the alert.
type outcome string

const (
	notCommitted   outcome = "later" // it is offered again, and counted again then
	unknownService outcome = "unknown_service"
	unknownRegion  outcome = "unknown_region"
	unknownTrigger outcome = "unknown_trigger" // with a release open: held and paged
	resolved       outcome = "resolved"
	noRelease      outcome = "no_release"
	alive          outcome = "watchdog"
)

// judged are the outcomes that Prometheus' answer decides.
var judged = []outcome{outcome(record.NotBreaching), outcome(record.NoData), outcome(record.Unreachable), outcome(record.Breaching)}

// telling orders outcomes: an alert that names no region is about all of them, and what
// it meant for one where something is wrong is what became of it.
var telling = append([]outcome{noRelease, unknownTrigger}, judged...)

// most is the more telling outcome of two.
func most(a, b outcome) outcome {
	return slices.MaxFunc([]outcome{a, b}, func(x, y outcome) int {
		return cmp.Compare(slices.Index(telling, x), slices.Index(telling, y))
	})
}

// otherTrigger stands in metrics for every name that no runbook has: a webhook can say
// what it likes, and must not make series.
const otherTrigger = "other"

// triggerLabel is the trigger's name as a label value. There are as many as runbooks have.
func (e *Engine) triggerLabel(a record.Alert) string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	s, known := e.services[a.Service]
	if known {
		_, known = s.rb.Trigger(a.Trigger)
	}
	if known || a.Trigger == watchdog || a.Trigger == blind {
		return a.Trigger
	}
	return otherTrigger
}

// account counts and logs what became of an alert. One that was not committed is logged
// by whoever is told the error. The watcher sees the same every few seconds, and says it
// once in a while.
func (e *Engine) account(a record.Alert, o outcome) {
	e.metrics.alerts.WithLabelValues(string(a.Source), e.triggerLabel(a), string(o)).Inc()
	if o == notCommitted || a.Source == record.Watcher && !e.said.fresh(time.Now(), a.Service, a.Trigger, a.Region, string(o)) {
		return
	}
	log := e.log.Info
	switch {
	case strings.HasPrefix(string(o), "unknown_"):
		log = e.log.Warn
	case o == alive:
		log = e.log.Debug
	}
	log("alert", zap.String("outcome", string(o)), zap.String("source", string(a.Source)),
		zap.String("service", a.Service), zap.String("trigger", a.Trigger), zap.String("region", a.Region))
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

// unasked is the breach of a trigger that the runbook does not have: there is no
// expression to ask Prometheus, so nothing is known, and the policy holds and pages.
func unasked(a record.Alert, now time.Time) record.Breach {
	return record.Breach{Trigger: a.Trigger, Severity: runbook.Page, State: record.NoData, StartedAt: a.StartsAt, AskedAt: now,
		Problem: "the runbook has no such trigger, so there is no question to ask"}
}
