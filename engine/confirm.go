package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/store"
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
	keep  time.Duration // for how long an answer is one of now; 0: sharedFor
}

type sharing[V any] struct {
	done  chan struct{}
	asked time.Time
	value V
}

// get returns the newest answer, or waits for it, if its question was put at most that long
// ago and the answer is still usable; else it asks.
func (s *shared[K, V]) get(key K, usable func(V) bool, ask func() V) V {
	now, keep := time.Now(), cmp.Or(s.keep, sharedFor)
	for {
		s.mu.Lock()
		old, ok := s.known[key]
		if !ok || now.Sub(old.asked) > keep {
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
		if now.Sub(old.asked) > keep {
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

// takeShadow reads the verdict about a launch's candidate.
func (v *snapshot) takeShadow(snap store.Snapshot, ev lifecycle.Event) {
	l, ok := ev.(lifecycle.Launched)
	if !ok {
		return
	}
	var err error
	if v.Shadow, err = entry[record.ShadowVerdict](snap, store.ShadowKey(l.Launch.Candidate.Bundle.Digest())); err != nil {
		v.Shadow, v.ShadowProblem = nil, err.Error()
	}
}

// futureReports is how far another machine's clock may be ahead of ours.
const futureReports = time.Minute

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// RecordShadow keeps the verdict of a shadow report for the candidate's bundle. Only a
// report that is not older than the recorded one replaces it, so that an old pass
// cannot cover a newer block; the same report again changes nothing.
func (e *Engine) RecordShadow(ctx context.Context, g shadow.Gate, by record.Caller) (record.ShadowVerdict, error) {
	if err := e.recordable(g); err != nil {
		return record.ShadowVerdict{}, err
	}
	var v record.ShadowVerdict
	err := e.again(func() (err error) {
		v, err = e.recordShadow(ctx, g, by, time.Now().UTC())
		return err
	})
	return v, err
}

func (e *Engine) recordable(g shadow.Gate) error {
	now := time.Now()
	if _, ok := e.Runbook(g.Service); !ok {
		return fmt.Errorf("runbook of %s: %w", g.Service, runbook.ErrNotFound)
	}
	switch {
	case g.Schema != shadow.SchemaGate:
		return runbook.Refuse("the gate's schema is %q, want %q: write it with: autorollback shadow report pairs.jsonl --gate-file gate.json", g.Schema, shadow.SchemaGate)
	case g.Verdict != shadow.Pass && g.Verdict != shadow.Block && g.Verdict != shadow.Inconclusive:
		return runbook.Refuse("the gate's verdict is %q, want pass, block or inconclusive", g.Verdict)
	case !digestForm.MatchString(g.Candidate) || !digestForm.MatchString(g.Stable):
		return runbook.Refuse("the gate names candidate %q and stable %q, want bundle digests (sha256 and 64 hex digits): report with --release", g.Candidate, g.Stable)
	case g.Candidate == g.Stable:
		return runbook.Refuse("the gate compares bundle %s with itself", g.Stable)
	case !digestForm.MatchString(g.Report) || g.Recording != "" && !digestForm.MatchString(g.Recording):
		return runbook.Refuse("the gate's report %q or recording %q is not a digest", g.Report, g.Recording)
	case g.At.IsZero() || g.At.After(now.Add(futureReports)):
		return runbook.Refuse("the gate is dated %s, but it is %s here: check the clocks", g.At.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

func (e *Engine) recordShadow(ctx context.Context, g shadow.Gate, by record.Caller, now time.Time) (record.ShadowVerdict, error) {
	key := store.ShadowKey(g.Candidate)
	snap, err := e.store.Read(ctx, key)
	if err != nil {
		return record.ShadowVerdict{}, later(err)
	}
	var old record.ShadowVerdict
	if err := decode(snap, key, &old); err != nil {
		return old, err
	}
	switch at := earlier(g.At, now); {
	case !has(snap, key):
	case old.Report == g.Report && old.Stable == g.Stable && old.Verdict == string(g.Verdict):
		return old, nil
	case at.Before(old.At):
		return old, runbook.Refuse("a newer report of this candidate is recorded: %s of %s says %s; run the comparison again", old.Report, old.At.UTC().Format(time.RFC3339), old.Verdict)
	}
	v := verdictOf(g)
	v.At, v.By, v.Recorded = earlier(g.At, now), record.Truncate(by.Name, 100), now
	o := record.Order{Caller: by, Action: record.OrderRecordShadow, Service: v.Service, Subject: v.Candidate, Reason: v.Verdict + " of report " + v.Report}
	if err := e.putOrdered(ctx, key, index(snap, key), v, o); err != nil {
		return v, err
	}
	e.metrics.shadowed.WithLabelValues(v.Verdict).Inc()
	e.log.Info("shadow verdict recorded", zap.String("service", v.Service), zap.String("candidate", v.Candidate), zap.String("stable", v.Stable),
		zap.String("verdict", v.Verdict), zap.String("rule", v.Rule), zap.String("report", v.Report), zap.String("by", by.Name))
	return v, nil
}

// earlier keeps a clock that is a little ahead from making a report of the future.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a.UTC()
}

func verdictOf(g shadow.Gate) record.ShadowVerdict {
	return record.ShadowVerdict{
		Schema: runbook.Schema, Service: g.Service, Candidate: g.Candidate, Stable: g.Stable, Verdict: string(g.Verdict),
		Rule: record.Truncate(g.Rule, 100), Reason: record.Truncate(g.Reason, record.MaxLine), From: g.Window.From, To: g.Window.To,
		Pairs: g.Counts.Pairs, Compared: g.Counts.Compared, Tests: g.Counts.Tests, Bad: g.Counts.Bad, Report: g.Report, Recording: g.Recording,
	}
}
