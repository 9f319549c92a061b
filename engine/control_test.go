package engine

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A rival writes once, between the read and the transaction of somebody else.
type rival struct {
	store.Store
	writes func()
}

func (r *rival) Commit(ctx context.Context, tx store.Tx) error {
	if writes := r.writes; writes != nil {
		r.writes = nil
		writes()
	}
	return r.Store.Commit(ctx, tx)
}

// Who was shown the stop switch orders by what was shown: whoever was overtaken changes nothing, however
// late the other was.
func TestControlIsSetAsItWasShown(t *testing.T) {
	paused := record.Control{Mode: runbook.Paused, Reason: "moving", Until: time.Now().Add(time.Hour).UTC()}
	active, observe := record.Control{Mode: runbook.Active}, record.Control{Mode: runbook.Observe, Reason: "a look"}
	for name, late := range map[string]bool{"before the read": false, "before the transaction": true} {
		t.Run(name, func(t *testing.T) {
			r := &rival{}
			e, st, _ := solo(t, func(p *Parts) { r.Store, p.Store = p.Store, r })
			must(t, e.SetControl(t.Context(), paused, "", fixture.By("bob")))
			b, err := e.Board(t.Context())
			must(t, err)
			shown := b.Control.PlanDigest()
			carol := func() { must(t, e.SetControl(t.Context(), observe, "", fixture.By("carol"))) }
			var before any
			if r.writes = func() { carol(); before = all[record.Message](t, st, store.OutboxKey("")) }; !late {
				r.writes()
				r.writes = nil
			}
			if err := e.SetControl(t.Context(), active, shown, fixture.By("ann")); !errors.Is(err, runbook.ErrConflict) {
				t.Errorf("overtaken by carol: %v", err)
			}
			if b, err = e.Board(t.Context()); err != nil || b.Control.Mode != runbook.Observe || !reflect.DeepEqual(all[record.Message](t, st, store.OutboxKey("")), before) {
				t.Errorf("the switch is %+v, %v", b.Control, err)
			}
			must(t, e.SetControl(t.Context(), active, b.Control.PlanDigest(), fixture.By("ann")))
		})
	}
}
