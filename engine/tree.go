package engine

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
)

// treeEvery is how often the tree that many services share is looked through for what would make
// a router ignore a change. Events read the service's own keys; whoever is about to take a step
// looks again, see [policy.LooksFirst].
const treeEvery = time.Minute

// A treeLook is what was found in all that a target's router reads, as it was at a moment.
type treeLook struct {
	at       time.Time
	runbook  string // its digest
	print    uint64
	backends []string // of the release then
	hazards  []string
	astray   bool // the service's own keys are not all that there is of it
}

// takesStep reports whether the event may take a step, or is a human's who may just have corrected
// what stood in the way: then all that the router reads is read with it.
func takesStep(ev lifecycle.Event) bool {
	switch ev := ev.(type) {
	case lifecycle.Launched, lifecycle.Answered:
		return true
	case lifecycle.Promoted:
		return ev.By.Name != ""
	}
	return false
}

// look is what is known of the target's tree, if the service's own keys are enough beside it; nil:
// all that the router reads must be read.
func (e *Engine) look(target Target, s service) *treeLook {
	known, ok := e.looks.Load(target)
	if !ok || !s.router.Shares() {
		return nil
	}
	if l := known.(treeLook); l.runbook == s.rb.Digest && !l.astray {
		return &l
	}
	return nil
}

// keys are what must be read of the router.
func (l *treeLook) keys(s service) []string {
	if l == nil {
		return s.router.Prefixes()
	}
	return s.router.Keys(l.backends...)
}

// covers reports whether what was read is enough for a release with these backends.
func (l *treeLook) covers(backends []string) bool {
	return l == nil || !slices.ContainsFunc(backends, func(b string) bool { return !slices.Contains(l.backends, b) })
}

// backends are those of the release that the event is about.
func (v *snapshot) backends(ev lifecycle.Event) []string {
	if l, ok := ev.(lifecycle.Launched); ok {
		return []string{record.SideOf(l.Launch.Stable).Backend, record.SideOf(l.Launch.Candidate).Backend}
	}
	return backendsOf(v.Release)
}

func backendsOf(r *record.Release) []string {
	if r == nil {
		return nil
	}
	return []string{r.Stable.Backend, r.Candidate.Backend}
}

// observeHazards takes what would make the router ignore a change from the keys that were read, or
// from the last look through the tree.
func (v *snapshot) observeHazards(e *Engine, l *treeLook, backends []string) {
	if l == nil {
		v.Hazards = e.hazards(v.target, v.service, v.snap, backends)
		return
	}
	v.Hazards, v.HazardsAge = slices.Clone(l.hazards), max(1, time.Since(l.at))
}

// hazards are what would make the router ignore a change, in all that it reads. That may be a tree
// of thousands of services: one that has not changed is not linted again.
func (e *Engine) hazards(target Target, s service, snap store.Snapshot, backends []string) []string {
	now := treeLook{at: time.Now(), runbook: s.rb.Digest, print: s.router.Print(snap), backends: backends, astray: s.router.Astray(snap, backends...)}
	if old, ok := e.looks.Load(target); ok && old.(treeLook).runbook == now.runbook && old.(treeLook).print == now.print {
		now.hazards = old.(treeLook).hazards
	} else {
		for _, h := range s.router.Lint(snap) {
			if h.Blocking {
				now.hazards = append(now.hazards, h.String())
			}
		}
	}
	e.looks.Store(target, now)
	return slices.Clone(now.hazards)
}

// looked commits what was read. A step that must first look through all that the router reads is
// stepped again on that.
func (e *Engine) looked(ctx context.Context, v snapshot, ev lifecycle.Event) (snapshot, lifecycle.State, error) {
	next, err := e.commit(ctx, v, ev, time.Now().UTC())
	if err != nil || !next.Write.Look {
		return v, next, err
	}
	if v, err = e.readTree(ctx, v.target, ev, true); err != nil {
		return v, v.State, err
	}
	next, err = e.commit(ctx, v, ev, time.Now().UTC())
	return v, next, err
}

// lookThrough reads each tree of the store once, for all open releases whose routers share it.
func (e *Engine) lookThrough(ctx context.Context) {
	trees := map[string]store.Snapshot{}
	for target, rel := range e.newestReleases() {
		svc, err := e.serves(target)
		if err != nil || rel.Phase != record.Open || !svc.router.Shares() {
			continue
		}
		root := svc.router.Prefixes()[0]
		snap, read := trees[root]
		if !read {
			snap, err = e.store.Read(ctx, root)
			e.metrics.stored(err)
			if err != nil {
				if ctx.Err() == nil {
					e.log.Warn("read the router's tree", zap.String("prefix", root), zap.Error(err))
				}
				return
			}
			trees[root] = snap
		}
		e.hazards(target, svc, snap, backendsOf(&rel))
	}
}
