package monitor

import (
	"math"
	"slices"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// How many intervals of a trigger are kept for its curve: the newest ones all, and of those
// before them, back to the longest history that a release is rebuilt from, some at even
// distances. That is 40 bytes each, so at most some 20 kB for a trigger of an open release,
// whatever its age.
const (
	denseSamples  = 240
	sparseSamples = 240
	// slack is how many more there may be until what is too much is thrown away.
	slack = 64
)

// A history keeps the curves of one release. What it keeps of a moment depends on nothing but
// the moment and the newest interval: not on when the watching began.
type history struct {
	every    time.Duration
	triggers map[string][]level
}

// A level is one interval of one trigger.
type level struct {
	end                                     int64 // in nanoseconds
	candidate, stable, effect, significance float64
}

func newHistory(every time.Duration) history {
	return history{every: every, triggers: map[string][]level{}}
}

// add takes the results at the end of an interval, which is later than the last.
func (h *history) add(end time.Time, results map[string]analysis.Result) {
	for name, r := range results {
		all := append(h.triggers[name], level{end.UnixNano(), r.Level[0], r.Level[1], r.Effect, r.Significance})
		if len(all) >= denseSamples+sparseSamples+slack {
			all = slices.Clip(slices.DeleteFunc(all, func(l level) bool { return !h.kept(l.end, end.UnixNano()) }))
		}
		h.triggers[name] = all
	}
}

// kept reports whether the interval that ended then is kept when the newest one is that.
func (h *history) kept(end, newest int64) bool {
	every := int64(h.every)
	stride := max(1, (int64(longest)+every*sparseSamples-1)/(every*sparseSamples))
	switch age := newest - end; {
	case age < denseSamples*every:
		return true
	case age > int64(longest):
		return false
	}
	return end/every%stride == 0
}

// curve is one trigger's.
func (h *history) curve(rb *runbook.Runbook, t runbook.Trigger) record.Curve {
	c := CurveOf(rb, t)
	all := h.triggers[t.Name]
	for _, l := range all {
		if h.kept(l.end, all[len(all)-1].end) {
			c.Samples = append(c.Samples, l.sample(rb, t))
		}
	}
	return c
}

// curves are those of all triggers that compare something, in the runbook's order.
func (h *history) curves(rb *runbook.Runbook) []record.Curve {
	var out []record.Curve
	for _, t := range rb.Triggers {
		if t.Comparative() {
			out = append(out, h.curve(rb, t))
		}
	}
	return out
}

// CurveOf is a trigger's curve without samples.
func CurveOf(rb *runbook.Runbook, t runbook.Trigger) record.Curve {
	m := rb.Measured(t)
	c := record.Curve{Kind: record.OfTrigger, Name: t.Name, Text: t.String(), Drawn: m.Name, Unit: m.Unit, Every: rb.Metrics.Step(), Limit: m.Limit, Floor: m.Floor}
	if t.Comparative() {
		c.Method = analysis.Method
	}
	return c
}

// sample is a level with the limit that it is to be held against. Where a trigger measures a
// difference the effect is the level, and of traffic, which is counted, the rate.
func (l level) sample(rb *runbook.Runbook, t runbook.Trigger) record.Sample {
	candidate, stable := l.candidate, l.stable
	switch {
	case !rb.Measured(t).Sides:
		candidate, stable = l.effect, math.NaN()
	case t.Type == runbook.CanaryStarved:
		window := t.EffectWindow(rb.Metrics.Step()).Std().Seconds()
		candidate, stable = candidate/window, stable/window
	}
	s := record.Unsampled(time.Unix(0, l.end).UTC())
	s.Candidate, s.Stable = record.NumberOf(candidate), record.NumberOf(stable)
	s.Limit, s.Significance = record.NumberOf(t.LimitAt(stable)), record.NumberOf(l.significance)
	return s
}

// mostLeft is of how many releases that are not watched any more the curves are kept, some
// 64 kB for each trigger: a rollback ends the watching, and then people look at them.
const mostLeft = 8

// A past is what is left of a release that was watched.
type past struct {
	release string
	curves  []record.Curve
}

// leave keeps the curves of a release that is not watched any more; the caller holds the lock.
func (m *Monitor) leave(release string, w *watch) {
	m.left = append(m.left, past{release, w.curves()})
	m.left = slices.Clone(m.left[max(0, len(m.left)-mostLeft):])
}

// Curves are the levels of a release's triggers over time, as this process counts or counted
// them. False: it does not watch the release, and has not for long.
func (m *Monitor) Curves(release string) ([]record.Curve, bool) {
	m.mu.Lock()
	w, ok := m.watches[release]
	left := m.left
	m.mu.Unlock()
	if ok {
		return w.curves(), true
	}
	for _, p := range slices.Backward(left) {
		if p.release == release {
			return p.curves, true
		}
	}
	return nil, false
}

// keep adds the newest interval to the curves.
func (w *watch) keep(results map[string]analysis.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history.add(w.end, results)
}

func (w *watch) curves() []record.Curve {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.history.curves(w.now.Runbook)
	for i := range out {
		out[i].Problem = w.newest.Problem
	}
	return out
}

// Curves are those of [Monitor.Curves].
func (r *Replica) Curves() []record.Curve { return r.watch.curves() }
