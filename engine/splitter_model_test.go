package engine

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A postal is Consul as its worst: answers to writes of config entries are lost, and a write may
// land at any later time, if its index still is the entry's. Between the parts of
// a read others act.
type postal struct {
	*memory
	draw    func(string, int) int // of n
	flight  []store.Op
	between func()
	skip    int // so many reads pass before
}

func (p *postal) Read(ctx context.Context, prefixes ...string) (store.Snapshot, error) {
	var entries, keys []string
	for _, prefix := range prefixes {
		if store.Place(prefix) != "" {
			entries = append(entries, prefix)
		} else {
			keys = append(keys, prefix)
		}
	}
	if len(entries) == 0 || len(keys) == 0 {
		return p.memory.Read(ctx, prefixes...)
	}
	elsewhere := func() ([]store.Entry, error) {
		p.interleave()
		snap, err := p.memory.Read(ctx, entries...)
		return snap.Entries, err
	}
	return store.Together(elsewhere, func() (store.Snapshot, error) {
		p.interleave()
		return p.memory.Read(ctx, keys...)
	})
}

// interleave lets others act in the middle of a read.
func (p *postal) interleave() {
	if between := p.between; between != nil {
		if p.skip--; p.skip < 0 {
			p.between = nil
			between()
		}
	}
}

func (p *postal) Commit(ctx context.Context, tx store.Tx) error {
	op := tx.Ops[0]
	if store.Place(op.Key) == "" {
		return p.memory.Commit(ctx, tx)
	}
	switch p.draw("fate of a write", 4) {
	case 0: // lost on its way, for now
		p.flight = append(p.flight, op)
		return store.ErrUnsettled
	case 1: // applied, and the answer is lost
		_ = p.land(op)
		return store.ErrUnsettled
	}
	return p.land(op)
}

// land is what Consul does: content that stands there already is taken at any index.
func (p *postal) land(op store.Op) error {
	if bytes.Equal(p.keys[op.Key].Value, op.Value) {
		return nil
	}
	return p.memory.Commit(context.Background(), store.NewTx(op))
}

// deliver lets a write land that was lost.
func (p *postal) deliver(n int) {
	op := p.flight[n]
	p.flight = append(p.flight[:n:n], p.flight[n+1:]...)
	_ = p.land(op)
}

// turn is one look of a replica: what is due is written.
func turn(e *Engine) {
	ctx := context.Background()
	s, err := e.step(ctx, theTarget, lifecycle.Tick{})
	if _, due := lifecycle.Due(s); err != nil || !due {
		return
	}
	if ev, err := e.writeLater(ctx, theTarget); err == nil {
		_, _ = e.step(ctx, theTarget, ev)
	}
}

// Whatever is lost, late or interleaved: without a human the router comes to what the release
// wants and nobody is taken for one; a human's split stays.
func TestNoLateWriteUndoesANewerOne(t *testing.T) {
	rb := splitBy(t)
	rb.Rollout = &runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteManual, Bake: 1, Steps: []runbook.RampStep{{Weight: 20, For: 1}, {Weight: 50, For: 1}, {Weight: 100}}}
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		world := &postal{memory: newMemory(), draw: func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, what) }}
		mesh(t, world.memory)
		human := false
		replicas := []*Engine{engineOf(t, partsOf(world, nil), rb, Options{}), engineOf(t, partsOf(world, nil), rb, Options{})}
		acts := map[string]func(*Engine){
			"start": func(e *Engine) {
				l := fixture.Launch(t)
				l.Weight = runbook.Weight(world.draw("weight", 2) * 5)
				l.Candidate.Bundle.Config = fmt.Sprintf("sha256:%064d", world.index) // not the one that is quarantined
				_, _ = e.Start(context.Background(), l, fixture.By("ann"))
			},
			"promote": func(e *Engine) {
				now := time.Now().UTC()
				must(t, put(world.memory, store.WatchdogKey, fmt.Sprintf(`{"at":%q}`, now.Format(time.RFC3339Nano))))
				rel := e.newest(theTarget)
				ready := record.Readiness{AskedAt: now, StablePods: 3, CandidatePods: 3, CandidateRate: 20}
				_, _ = e.step(context.Background(), theTarget, lifecycle.Promoted{By: fixture.By("ann"), Release: rel.ID, Epoch: rel.Epoch, Ready: ready})
			},
			"roll back": func(e *Engine) { _, _ = e.Rollback(context.Background(), "ranker", "", fixture.By("ann"), "it fails") },
			"look":      turn,
			"deliver": func(*Engine) {
				if n := len(world.flight); n > 0 {
					world.deliver(world.draw("which", n))
					seen["delivered"]++
				}
			},
			"human": func(*Engine) {
				if !human && world.draw("really", 8) == 0 {
					human = true
					must(t, put(world.memory, entries+"service-splitter/ranker", `{"Kind":"service-splitter","Name":"ranker","Splits":[{"ServiceSubset":"ranker-v1","Weight":63},{"ServiceSubset":"ranker-v2","Weight":37}]}`))
				}
			},
		}
		names := []string{"start", "promote", "roll back", "look", "look", "look", "deliver", "human"}
		act := func(replica int) { acts[names[world.draw("act", len(names))]](replicas[replica]) }
		for range rapid.IntRange(1, 40).Draw(rt, "acts") {
			replica := world.draw("replica", 2)
			if world.draw("interleave", 3) == 0 {
				world.skip = world.draw("skip", 9)
				world.between = func() {
					for range 1 + world.draw("more", 4) {
						act(1 - replica)
					}
				}
			}
			act(replica)
			world.between = nil
		}
		quiet := func() record.Release {
			world.draw = func(string, int) int { return 3 } // nothing is lost from now on
			for range 6 {
				turn(replicas[0])
			}
			for len(world.flight) > 0 {
				world.deliver(0)
			}
			for range 6 {
				turn(replicas[1])
			}
			rel, err := replicas[0].Release(context.Background(), "ranker", "")
			if err != nil {
				rel.Phase = ""
			}
			return rel
		}
		rel := quiet()
		got, _ := replicas[0].read(context.Background(), theTarget, nil)
		switch {
		case human && got.Split["ranker-v2"] != 37:
			rt.Fatalf("a human's 63/37 became %v; release %+v", got.Split, rel)
		case human && rel.Phase != "" && rel.Phase != record.Closed && rel.Held == nil:
			rt.Fatalf("a human wrote %v, and nothing holds %+v", got.Split, rel)
		case !human && rel.Phase != "" && (rel.Unwritten() != nil || rel.Held != nil || !got.Split.Equal(rel.Want())):
			rt.Fatalf("the router is told %v, wanted %v, held %+v, pending %+v", got.Split, rel.Want(), rel.Held, rel.Pending)
		}
		seen[fmt.Sprintf("human %v, release %s", human, rel.Phase)]++
		seen[fmt.Sprintf("at %v", rel.Weight)]++
	})
	t.Log(seen)
}
