package monitor

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Target is an open release that gets traffic, with its runbook.
type Target struct {
	Runbook *runbook.Runbook
	Release record.Release
}

// A Monitor watches any number of releases. It is safe for concurrent use.
type Monitor struct {
	api     promapi.API
	log     *zap.Logger
	history chan struct{} // held by questions about more than a few intervals
	live    chan struct{} // held by those about the newest one
	proved  chan struct{} // some trigger is significant, by an interval that has just ended

	mu      sync.Mutex
	watches map[string]*watch // by the release's id
	left    []past            // not watched any more, the newest last
	running sync.WaitGroup
}

// How many questions about history, and about the newest interval, are asked at the same
// time: Prometheus runs 20 queries at once, and has others to answer.
const (
	historyAtOnce = 2
	liveAtOnce    = 8
)

// New makes a monitor that watches nothing yet.
func New(api promapi.API, log *zap.Logger) *Monitor {
	return &Monitor{api: api, log: log, history: make(chan struct{}, historyAtOnce), live: make(chan struct{}, liveAtOnce), proved: make(chan struct{}, 1), watches: map[string]*watch{}}
}

// Watch says which releases are to be watched from now on, until ctx ends or the next
// call. One that is new, or whose runbook has changed, is built from Prometheus' history;
// of one that is known only the weights are taken over.
func (m *Monitor) Watch(ctx context.Context, targets []Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wanted := map[string]bool{}
	for _, t := range targets {
		id := t.Release.ID
		wanted[id] = true
		if w, ok := m.watches[id]; ok && w.target().Runbook.Digest == t.Runbook.Digest {
			w.set(t)
			continue
		} else if ok {
			w.stop()
		}
		m.begin(ctx, t)
	}
	for id, w := range m.watches {
		if !wanted[id] {
			w.stop()
			delete(m.watches, id)
			m.leave(id, w)
		}
	}
}

// begin starts to watch; the caller holds the lock.
func (m *Monitor) begin(ctx context.Context, t Target) {
	ctx, cancel := context.WithCancel(ctx)
	w := newWatch(m, t, cancel)
	m.watches[t.Release.ID] = w
	m.running.Go(func() { w.run(ctx) })
}

// Proved says, once for each interval, that some trigger of some release is significant.
func (m *Monitor) Proved() <-chan struct{} { return m.proved }

// Wait returns once nothing is watched any more, after the context of [Monitor.Watch] has
// ended.
func (m *Monitor) Wait() { m.running.Wait() }

// Significance is what is known of a trigger of a release at a moment. Where nothing is, it
// says why: the release is not watched, it is still being rebuilt, or the newest interval
// is more than [Fresh] intervals ago.
func (m *Monitor) Significance(release, trigger string, now time.Time) record.Significance {
	s, ok := m.snapshot(release)
	if !ok {
		return record.Significance{Problem: "the release is not watched yet"}
	}
	if problem := s.problem(now); problem != "" {
		return record.Significance{At: s.At, Problem: problem}
	}
	r, ok := s.Results[trigger]
	switch {
	case !ok && s.Judged:
		return record.Significance{At: s.At, Problem: "the trigger compares nothing"}
	case !ok:
		return record.Significance{At: s.At, Problem: "the release is warming up"}
	}
	sig := SignificanceOf(r, s.At)
	sig.Onset = s.Onsets[trigger]
	return sig
}

// Blunted says from which effect on a trigger could prove harm at a moment, where that is further
// than the runbook's number; empty: it is not, or nobody knows.
func (m *Monitor) Blunted(release, trigger string, now time.Time) string {
	s, ok := m.snapshot(release)
	if !ok || s.problem(now) != "" {
		return ""
	}
	return s.blunted(trigger)
}

// SignificanceOf is a result in the words of a decision. What cannot be told yet proves
// nothing: its value is 0.
func SignificanceOf(r analysis.Result, at time.Time) record.Significance {
	return record.Significance{At: at, Value: known(r.Significance), LogE: known(greatestOf(r.LogE[:])), Method: analysis.Method}
}

func (m *Monitor) snapshot(release string) (Snapshot, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, ok := m.watches[release]
	if !ok {
		return Snapshot{}, false
	}
	return w.snapshot(), true
}

// Snapshots are the newest results of all watched releases.
func (m *Monitor) Snapshots() []Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Snapshot, 0, len(m.watches))
	for _, w := range m.watches {
		out = append(out, w.snapshot())
	}
	return out
}
