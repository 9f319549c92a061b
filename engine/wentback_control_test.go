package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

func (r *restorable) control() record.Control {
	r.t.Helper()
	snap, err := r.st.Read(r.t.Context(), store.ControlKey)
	if err != nil {
		r.t.Fatal(err)
	}
	en, _ := snap.Get(store.ControlKey)
	return control(en.Value)
}

func (r *restorable) sets(mode runbook.Mode) {
	r.t.Helper()
	must(r.t, r.e.SetControl(r.t.Context(), record.Control{Mode: mode, Reason: "moving"}, "", fixture.By("ann")))
	r.e.noticeControl(r.t.Context())
}

// A pause that was lost with a restored store holds at once, is written again, and people are
// paged once. A human then takes it away as ever.
func TestALostPauseHoldsAndIsPutBack(t *testing.T) {
	for name, before := range map[string]runbook.Mode{"it was never written": "", "it was active": runbook.Active} {
		t.Run(name, func(t *testing.T) {
			r := restorableOf(t)
			if before != "" {
				r.sets(before)
			}
			r.launch("12")
			r.e.noticeControl(t.Context())
			r.copyTo("store", "backup")
			r.sets(runbook.Paused)
			r.copyTo("backup", "store")
			r.e.deliver(t.Context())
			r.sent = nil
			r.breaks("errors")
			if s := r.tick(); s.Release.Phase != record.Open || s.Control.Mode != runbook.Paused {
				t.Fatalf("release is %s, control %s", s.Release.Phase, s.Control.Mode)
			}
			for range 3 {
				r.e.noticeControl(t.Context())
				r.e.deliver(t.Context())
			}
			if c := r.control(); c.Mode != runbook.Paused || c.Reason != "moving" || c.By != "ann" {
				t.Fatalf("control is %+v", c)
			}
			orders := orderList(t, r.e)
			if orders[0].Action != record.OrderControl || orders[0].How != record.InJournal {
				t.Errorf("the newest order is %+v", orders[0])
			}
			if n := len(slices.DeleteFunc(slices.Clone(r.sent), func(kind string) bool { return kind != report.KindControl })); n != 1 {
				t.Errorf("sent %q", r.sent)
			}
			r.sets(runbook.Active)
			r.e.noticeControl(t.Context())
			if c := r.control(); c.Mode != runbook.Active {
				t.Errorf("a human's active became %+v", c)
			}
			if s := r.tick(); s.Control.Mode != runbook.Active {
				t.Errorf("it does not hold: %+v", s.Control)
			}
		})
	}
}

// What stops more than is known stays: a backup may have been made while all was paused.
func TestARestoredPauseStays(t *testing.T) {
	r := restorableOf(t)
	r.sets(runbook.Paused)
	r.copyTo("store", "backup")
	r.sets(runbook.Active)
	r.copyTo("backup", "store")
	for range 2 {
		r.e.noticeControl(t.Context())
	}
	if c := r.control(); c.Mode != runbook.Paused {
		t.Fatalf("control is %+v", c)
	}
	if n := len(orderList(t, r.e)); n != 1 {
		t.Errorf("%d orders, want the first alone", n)
	}
}

// Who deletes the key is noticed, and obeyed from then on: the store lost nothing.
func TestADeletedPauseIsOver(t *testing.T) {
	r := restorableOf(t)
	r.sets(runbook.Paused)
	r.launch("12")
	snap, err := r.st.Read(t.Context(), store.ControlKey)
	must(t, err)
	must(t, r.st.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Delete, Key: store.ControlKey, Index: index(snap, store.ControlKey)})))
	if s := r.tick(); s.Control.Mode != runbook.Paused {
		t.Errorf("before anybody noticed: %+v", s.Control)
	}
	for range 2 {
		r.e.noticeControl(t.Context())
	}
	if s := r.tick(); s.Control.Mode != runbook.Active || r.control().Mode != runbook.Active {
		t.Errorf("after it was noticed: %+v", s.Control)
	}
	if o := orderList(t, r.e); o[0].How != record.InStore {
		t.Errorf("the newest order is %+v", o[0])
	}
}

// One replica puts the pause back, and a human takes it away before another has looked: that is
// the newer order, whatever the store's indexes say.
func TestAHumansActiveAfterALostPauseStays(t *testing.T) {
	r := restorableOf(t)
	r.copyTo("store", "backup")
	r.launch("12")
	for range 3 { // the indexes of before the restore are far above those after it
		r.sets(runbook.Active)
	}
	r.sets(runbook.Paused)
	r.copyTo("backup", "store")
	other := r.engine("other")
	r.e.noticeControl(t.Context())
	if c := r.control(); c.Mode != runbook.Paused {
		t.Fatalf("it was not put back: %+v", c)
	}
	must(t, r.e.SetControl(t.Context(), record.Control{Mode: runbook.Active, Reason: "all is well"}, "", fixture.By("ann")))
	for range 2 {
		other.noticeControl(t.Context())
		r.e.noticeControl(t.Context())
	}
	if c := r.control(); c.Mode != runbook.Active {
		t.Errorf("a human's active became %+v", c)
	}
}

// What a human sets is in force at the next read, before anybody looks at the switch itself.
func TestAHumansActiveIsInForceAtOnce(t *testing.T) {
	r := restorableOf(t)
	r.launch("12")
	r.sets(runbook.Paused)
	must(t, r.e.SetControl(t.Context(), record.Control{Mode: runbook.Active}, "", fixture.By("ann")))
	if s := r.tick(); s.Control.Mode != runbook.Active {
		t.Errorf("in force is %+v", s.Control)
	}
}

// A mirror is traffic as well: it does not begin while all is paused, nor after the pause was lost.
func TestNoMirrorBeginsWhilePaused(t *testing.T) {
	r := restorableOf(t)
	r.rb.Routing.Mirror = &runbook.Mirroring{}
	r.copyTo("store", "backup")
	r.sets(runbook.Paused)
	begins := func() error {
		_, err := r.e.StartMirror(t.Context(), "ranker", "", day, fixture.By("ann"))
		return err
	}
	if err := begins(); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "paused") {
		t.Errorf("while paused: %v", err)
	}
	r.copyTo("backup", "store")
	if err := begins(); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "paused") {
		t.Errorf("after the pause was lost: %v", err)
	}
	r.sets(runbook.Active)
	if err := begins(); err != nil {
		t.Errorf("while active: %v", err)
	}
}
