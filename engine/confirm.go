package engine

import (
	"cmp"
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// sharedFor is how old an answer may be that alerts of one trigger share.
const sharedFor = time.Second

// confirm asks Prometheus, and reads the target's records meanwhile: what is then decided
// needs both, and neither waits for the other. Records that were not read, or that are
// about other weights than the answer, are nil.
func (e *Engine) confirm(ctx context.Context, s service, target Target, a record.Alert, trigger runbook.Trigger, rel record.Release) (b record.Breach, ahead *snapshot) {
	var g errgroup.Group
	g.Go(func() error {
		ahead = e.recent(ctx, target, rel)
		return nil // the step reads again and says what is wrong
	})
	b = e.answer(ctx, s, target, a.Trigger, trigger, rel)
	_ = g.Wait()
	return b, ahead
}

// answer asks Prometheus about a trigger, or the companion, unless that was just done. Who
// asks for others as well does not cut the question short; it has a deadline of its own.
func (e *Engine) answer(ctx context.Context, s service, target Target, name string, trigger runbook.Trigger, rel record.Release) record.Breach {
	ctx = context.WithoutCancel(ctx)
	always := func(record.Breach) bool { return true }
	return e.confirms.get(confirmKey{target, name, rel.ID, rel.Epoch}, always, func() record.Breach {
		if name == blind {
			return e.askBlind(ctx, s, rel)
		}
		return e.prom.Confirm(ctx, s.ask, trigger, rel, e.significance(rel, name))
	})
}

// recent is the target's records as this process read them at most a second ago, unless it
// has committed something since; nil if they are about another epoch, or cannot be read. A
// commit that rests on what others have changed meanwhile is refused, as any lost race.
func (e *Engine) recent(ctx context.Context, target Target, rel record.Release) *snapshot {
	ctx = context.WithoutCancel(ctx)
	current := func(v *snapshot) bool { return v != nil && v.Release.Op == e.newest(target).Op }
	v := e.views.get(target, current, func() *snapshot {
		v, err := e.read(ctx, target, lifecycle.AlertChecked{})
		if err != nil || v.Release == nil {
			return nil
		}
		return &v
	})
	if v == nil || v.Release.ID != rel.ID || v.Release.Epoch != rel.Epoch {
		return nil
	}
	own := *v
	own.indexes = maps.Clone(v.indexes)
	return &own
}

type confirmKey struct {
	target  Target
	trigger string
	release string
	epoch   int
}

// A shared lets those who come at the same time share one answer, so that a storm of alerts
// of one trigger asks Prometheus, and the store, about once a second.
type shared[K comparable, V any] struct {
	mu    sync.Mutex
	known map[K]*sharing[V]
}

type sharing[V any] struct {
	done  chan struct{}
	asked time.Time
	value V
}

// get returns the newest answer, or waits for it, if its question was put at most a second
// ago and the answer is still usable; else it asks.
func (s *shared[K, V]) get(key K, usable func(V) bool, ask func() V) V {
	now := time.Now()
	for {
		s.mu.Lock()
		old, ok := s.known[key]
		if !ok || now.Sub(old.asked) > sharedFor {
			break // with the lock
		}
		s.mu.Unlock()
		<-old.done
		if usable(old.value) {
			return old.value
		}
		s.drop(key, old)
	}
	fresh := &sharing[V]{done: make(chan struct{}), asked: now}
	if s.known == nil {
		s.known = map[K]*sharing[V]{}
	}
	for k, old := range s.known {
		if now.Sub(old.asked) > sharedFor {
			delete(s.known, k)
		}
	}
	s.known[key] = fresh
	s.mu.Unlock()
	defer close(fresh.done)
	fresh.value = ask()
	return fresh.value
}

// drop forgets an answer that is of no use any more, unless there is a newer one.
func (s *shared[K, V]) drop(key K, old *sharing[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[key] == old {
		delete(s.known, key)
	}
}

// askBlind asks whether some trigger really cannot judge the release: the companion has no
// number of its own. The first trigger that has no data is the answer, with the names of the
// others; a significance that is not known here is to be asked for again.
func (e *Engine) askBlind(ctx context.Context, s service, rel record.Release) record.Breach {
	b := record.Breach{Trigger: blind, Severity: runbook.Mild, State: record.NotBreaching, AskedAt: time.Now().UTC()}
	var dead []string
	for _, t := range s.rb.Triggers {
		if t.Absolute() {
			continue
		}
		got := e.prom.Confirm(ctx, s.ask, t, rel, e.significance(rel, t.Name))
		if got.State == record.NoData {
			if dead = append(dead, t.Name); len(dead) == 1 {
				b = got
			}
		}
		if len(dead) > 0 {
			continue
		}
		if problem := cmp.Or(got.Problem, got.Significance.Problem); problem != "" && b.Problem == "" {
			b.State, b.Problem, b.Significance = record.Unreachable, problem, got.Significance
		}
	}
	if b.Dead = dead; len(dead) > 0 {
		b.Problem = dead[0] + ": " + b.Problem
	}
	if len(dead) > 1 {
		b.Problem += "; no data for " + strings.Join(dead[1:], " and ") + " either"
	}
	return b
}

// significance is what this replica knows of a trigger now.
func (e *Engine) significance(rel record.Release, trigger string) record.Significance {
	return e.monitor.Significance(rel.ID, trigger, time.Now().UTC())
}
