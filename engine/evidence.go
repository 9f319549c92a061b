package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// capture keeps what there is to know of one stage. It never delays a change: it runs
// after the transaction, and Prometheus still has the samples from before it.
func (e *Engine) capture(ctx context.Context, s lifecycle.State, stage string) error {
	i := *s.Incident
	key := i.ID + "/" + i.OpenedAt.String() + "/" + stage // a restored store may give the id again
	if _, done := e.captured.Load(key); done {
		return nil
	}
	parts := map[string]any{"alerts.json": i.Alerts, "breach.json": i.Breach, "release.json": s.Release, "change.json": i.Change,
		"decision.json": map[string]any{"decision": i.Decision, "inputs": i.Inputs},
		"daemon.json":   map[string]string{"version": e.opts.Version, "replica": e.opts.Replica}}
	at := i.OpenedAt
	if stage == "after" {
		at = time.Now().UTC()
		parts["verdict.json"] = i.Verdict
	}
	parts["queries.json"] = e.history(ctx, s, at)
	keys, err := e.routerKeys(ctx, Target{i.Service, i.Region})
	parts["router.json"] = keys
	if err != nil {
		parts["router.json"] = map[string]string{"problem": err.Error()}
	}
	for name, side := range map[string]record.Side{"stable": i.Stable, "candidate": i.Candidate} {
		if b, err := e.Bundle(ctx, side.Bundle); err == nil {
			parts["bundle-"+name+".json"] = b
		}
	}
	counts, curves := e.counts(ctx, s, stage)
	parts[record.CurvesName] = append(curves, i.Levels...)
	encoded := map[string][]byte{}
	for name, part := range parts {
		if encoded[name], err = json.MarshalIndent(part, "", "  "); err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
	}
	maps.Copy(encoded, counts)
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping: unanswered questions are not to be kept for ever
	}
	digest, err := e.archive.Capture(i, stage, encoded)
	if err != nil {
		return fmt.Errorf("capture %s of %s: %w", stage, i.ID, err)
	}
	// Until the folder is sealed, the journal's head vouches for the stage.
	e.write(i.ID, record.Record{At: time.Now().UTC(), Kind: "captured", Text: stage + " " + digest})
	e.captured.Store(key, true)
	return nil
}

// lastStage is what is captured when the incident is over. Without a change there is no
// "after": a stage is captured once, and a rollback may still come.
func lastStage(i record.Incident) string {
	if i.Change == nil {
		return "before"
	}
	return "after"
}

// counts are what the decision's significance was computed from, since the release began, and
// the levels over time. Before the incident is over it has the curves that this process counted,
// and no counts.
func (e *Engine) counts(ctx context.Context, s lifecycle.State, stage string) (files map[string][]byte, curves []record.Curve) {
	svc, err := e.serves(Target{s.Incident.Service, s.Incident.Region})
	if err != nil {
		return nil, nil // its runbook was taken away
	}
	svc.rb = s.Runbook
	if stage != lastStage(*s.Incident) {
		curves, _ = e.monitor.Curves(s.Release.ID)
		return nil, curves
	}
	counts, curves, err := e.count(ctx, svc, *s.Release, s.Incident.Breach.Significance.At, curvesEnd(*s.Incident))
	files = map[string][]byte{}
	if counts != nil {
		files[monitor.RecordName] = counts
	}
	if err != nil && ctx.Err() == nil {
		e.metrics.problems.WithLabelValues("evidence").Inc()
		e.log.Warn("keep counts", zap.String("incident", s.Incident.ID), zap.Error(err))
		if counts == nil {
			files["counts.json"], _ = json.Marshal(map[string]string{"problem": err.Error()}) // strings always encode
		}
	}
	return files, curves
}

// history asks the runbook's questions over the time around a moment.
func (e *Engine) history(ctx context.Context, s lifecycle.State, at time.Time) []record.Query {
	svc, _ := e.service(s.Runbook.Service)
	exprs := map[string]string{}
	for n, q := range s.Runbook.Evidence.Queries {
		exprs[fmt.Sprintf("extra %d", n+1)] = q
	}
	for _, r := range svc.ask.Recovery(*s.Release) {
		exprs[r.Name] = r.Now.String()
	}
	var all []record.Query
	step := max(s.Runbook.Metrics.Interval.Std(), time.Second)
	for name, expr := range exprs {
		all = append(all, e.prom.Range(ctx, name, expr, at.Add(-60*step), at, step))
	}
	return all
}

// routerKeys reads the router's keys as they are now.
func (e *Engine) routerKeys(ctx context.Context, target Target) (map[string]string, error) {
	svc, err := e.serves(target)
	if err != nil {
		return nil, err
	}
	snap, err := e.store.Read(ctx, svc.router.Prefixes()...)
	if err != nil {
		return nil, fmt.Errorf("read router keys: %w", err)
	}
	return keysOf(snap), nil
}

func keysOf(snap store.Snapshot) map[string]string {
	keys := map[string]string{}
	for _, en := range snap.Entries {
		keys[en.Key] = string(en.Value)
	}
	return keys
}

// seal completes the evidence folder and closes it with a manifest, once nothing is still to come for it.
func (e *Engine) seal(ctx context.Context, target Target, s lifecycle.State) error {
	open, lacks := e.awaitsSamples(s)
	if open {
		return nil
	}
	ev := lifecycle.Sealed{Impact: e.impact(ctx, s), Lacks: lacks}
	err := e.capture(ctx, s, lastStage(*s.Incident))
	if err == nil {
		sealed := *s.Incident
		sealed.Impact, sealed.EvidenceLacks = ev.Impact, lacks
		e.keepFollowUp(ctx, sealed, s)
		ev.Path, ev.Digest, err = e.archive.Seal(sealed, s.Runbook)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		e.metrics.problems.WithLabelValues("evidence").Inc()
		ev.Problem = err.Error()
	}
	return e.take(ctx, target, ev)
}

// anchorEvery is how often the journal's head is brought into the store, if it moved.
const anchorEvery = 5 * time.Second

// anchorAnyway is how often the stored one is looked at, whether or not the journal's moved.
const anchorAnyway = time.Minute

// anchorFresh is how old the stored one may get: gc takes away those of replicas that are gone.
const anchorFresh = 24 * time.Hour

// An anchored is the anchor as this process last stored it, or found it.
type anchored struct {
	head record.Head
	at   time.Time
}

// stamp puts the journal's head into what is about to be committed: what the commit says is
// known elsewhere then binds all that the journal had before.
func (e *Engine) stamp(before lifecycle.State, next *lifecycle.State) {
	a := e.journal.Anchor()
	if a.Replica == "" || a.Lines == 0 {
		return
	}
	if next.Incident != nil && !reflect.DeepEqual(before.Incident, next.Incident) {
		next.Incident.Anchor(a)
	}
	for n := range next.Write.Messages {
		next.Write.Messages[n].Anchor = a
	}
}

// keepAnchor compares the stored anchor with the journal, and brings the journal's head into the
// store. A journal that has not what was anchored was cut or written anew: people are paged, what
// it had is kept as lost, and it is written as before.
func (e *Engine) keepAnchor(ctx context.Context) {
	mine := e.journal.Anchor()
	if mine.Replica == "" || mine.Head == e.anchored.head && time.Since(e.anchored.at) < anchorAnyway {
		return
	}
	if err := e.anchor(ctx, mine); err != nil && !errors.Is(err, store.ErrConflict) && ctx.Err() == nil {
		e.metrics.problems.WithLabelValues("journal").Inc()
		e.log.Warn("anchor journal", zap.Error(err))
	}
}

func (e *Engine) anchor(ctx context.Context, mine record.Anchor) error {
	now := time.Now().UTC()
	key, indexes := store.AnchorKey(mine.Replica), map[string]uint64{}
	stored, err := fetch[record.Anchor](ctx, e.store, key, indexes)
	if err != nil {
		return err
	}
	if stored == nil {
		stored = &record.Anchor{}
	}
	has, err := e.journal.Has(stored.Head)
	if err != nil {
		return fmt.Errorf("compare journal with its anchor: %w", err)
	}
	mine.Schema, mine.At = runbook.Schema, now
	next := stored.Next(mine, has, now)
	e.metrics.lostHeads.Set(float64(len(next.Lost)))
	if has && (stored.Lines > mine.Lines || stored.Head == mine.Head && now.Sub(stored.At) < anchorFresh) {
		e.anchored = anchored{mine.Head, now}
		return nil
	}
	b := txBuilder{indexes: indexes}
	b.set(key, next)
	if !has {
		e.log.Error("the journal was changed", zap.String("replica", mine.Replica), zap.Stringer("anchored", stored.Head), zap.Stringer("now", mine.Head))
		e.alteredMessage(&b, *stored, next, now)
	}
	if err := e.put(ctx, b); err != nil {
		return err
	}
	e.anchored = anchored{mine.Head, now}
	return nil
}

// alteredMessage pages the people of one service; which one does not matter.
func (e *Engine) alteredMessage(b *txBuilder, was, is record.Anchor, now time.Time) {
	if !e.said.fresh(now, "journal altered", is.Replica) {
		return
	}
	all := e.runbooks()
	if len(all) == 0 {
		return
	}
	m := report.JournalMsg(all[0], was, is, now)
	m.Anchor = is
	b.set(store.OutboxKey(m.ID), m)
}

// lastAnchor brings the head of a process that stops into the store, and waits for that not long.
func (e *Engine) lastAnchor(ctx context.Context) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	e.keepAnchor(within)
}
