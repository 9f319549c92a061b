package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/store"
)

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
func (e *Engine) RecordShadow(ctx context.Context, g shadow.Gate, by string) (record.ShadowVerdict, error) {
	if err := e.recordable(g); err != nil {
		return record.ShadowVerdict{}, err
	}
	for range tries {
		v, err := e.recordShadow(ctx, g, by, time.Now().UTC())
		if !errors.Is(err, store.ErrConflict) {
			return v, err
		}
	}
	return record.ShadowVerdict{}, fmt.Errorf("%w: gave up after %d attempts: the verdict of %s keeps changing", runbook.ErrLater, tries, g.Candidate)
}

func (e *Engine) recordable(g shadow.Gate) error {
	now := time.Now()
	if _, ok := e.Runbook(g.Service); !ok {
		return fmt.Errorf("runbook of %s: %w", g.Service, runbook.ErrNotFound)
	}
	switch {
	case g.Schema != shadow.SchemaGate:
		return runbook.Refuse("the gate's schema is %q, want %q: write it with autorollback shadow report --gate-file", g.Schema, shadow.SchemaGate)
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

func (e *Engine) recordShadow(ctx context.Context, g shadow.Gate, by string, now time.Time) (record.ShadowVerdict, error) {
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
	v.At, v.By, v.Recorded = earlier(g.At, now), record.Truncate(by, 100), now
	if err := e.putOne(ctx, key, index(snap, key), v); err != nil {
		return v, err
	}
	e.metrics.shadowed.WithLabelValues(v.Verdict).Inc()
	e.log.Info("shadow verdict recorded", zap.String("service", v.Service), zap.String("candidate", v.Candidate), zap.String("stable", v.Stable),
		zap.String("verdict", v.Verdict), zap.String("rule", v.Rule), zap.String("report", v.Report), zap.String("by", by))
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
