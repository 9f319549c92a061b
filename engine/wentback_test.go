package engine

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A restorable is one daemon's parts that outlive it: the store's file, and its journal.
type restorable struct {
	t     *testing.T
	dir   string
	rb    *runbook.Runbook
	facts *facts
	lines []record.Seen // of the journal
	sent  []string      // kinds of messages
	st    *store.File
	e     *Engine
}

func restorableOf(t *testing.T) *restorable {
	rb := fixture.Runbook(t, "page")
	r := &restorable{t: t, dir: t.TempDir(), rb: rb, facts: factsOf(t, rb)}
	r.start()
	if err := put(r.st, routerKey, `{"weights":{"ranker-v1":100}}`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.st.Close() })
	return r
}

func (r *restorable) file(name string) string { return filepath.Join(r.dir, name) }

// start begins a daemon on the file, with what the journal says.
func (r *restorable) start() {
	r.t.Helper()
	var err error
	if r.st, err = store.OpenFile(r.file("store")); err != nil {
		r.t.Fatal(err)
	}
	r.e = r.engine("replica")
}

func (r *restorable) engine(replica string) *Engine {
	r.t.Helper()
	p := partsOf(r.st, r.facts)
	p.Seen = slices.Clone(r.lines)
	p.Journal = journals(func(_ string, line record.Record) error {
		if line.Seen != nil {
			r.lines = append(r.lines, *line.Seen)
		}
		return nil
	})
	p.Post = posts(func(m record.Message) (string, error) { r.sent = append(r.sent, m.Kind); return "#ranking-oncall", nil })
	e := engineOf(r.t, p, r.rb, Options{Replica: replica})
	e.install(r.t.Context())
	return e
}

// copyTo copies the store's file, as somebody who keeps a backup or restores one does, while no
// daemon has it open.
func (r *restorable) copyTo(from, to string) {
	r.t.Helper()
	if err := r.st.Close(); err != nil {
		r.t.Fatal(err)
	}
	text, err := os.ReadFile(r.file(from))
	if err == nil {
		err = os.WriteFile(r.file(to), text, 0o600)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.start()
}

func (r *restorable) tick() lifecycle.State {
	r.t.Helper()
	s, err := r.e.step(r.t.Context(), theTarget, lifecycle.Tick{})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *restorable) launch(version string) record.Release {
	r.t.Helper()
	l := fixture.Launch(r.t)
	l.Candidate.Bundle.Model.Registry.Version = version
	rel, err := r.e.Start(r.t.Context(), l, "ann")
	if err != nil {
		r.t.Fatal(err)
	}
	return rel
}

// breaks makes a trigger breach, and has it received.
func (r *restorable) breaks(trigger string) {
	r.t.Helper()
	r.facts.breaking[trigger] = true
	if err := hears(r.t, r.e, fixture.Alert(trigger, record.Webhook)); err != nil {
		r.t.Fatal(err)
	}
}

// entries are the keys that a hold must leave alone, with their indexes.
func (r *restorable) entries() map[string]uint64 {
	r.t.Helper()
	snap, err := r.st.Read(r.t.Context(), store.Root, "routes/", "features/")
	if err != nil {
		r.t.Fatal(err)
	}
	all := map[string]uint64{}
	for _, en := range snap.Entries {
		if !strings.HasPrefix(en.Key, store.Root+"behind/") && !strings.HasPrefix(en.Key, store.OutboxKey("")) {
			all[en.Key] = en.Index
		}
	}
	return all
}

// A backup from before a rollback is restored: the next start notices it, holds, and tells people
// once. A breach then moves nothing and opens no incident.
func TestRestoredFileIsNoticedAndHeld(t *testing.T) {
	r := restorableOf(t)
	rel := r.launch("12")
	r.copyTo("store", "backup")
	r.breaks("errors")
	acted := incidentOf(t, r.st)
	if acted.Phase != record.Acted {
		t.Fatalf("incident is %q", acted.Phase)
	}
	r.copyTo("backup", "store")
	before := r.entries()
	s := r.tick()
	if s.Behind == nil || s.Behind.Release == nil || s.Behind.Release.Phase != record.RolledBack || len(s.Behind.Quarantine) != 1 {
		t.Fatalf("noticed: %+v", s.Behind)
	}
	for range 3 {
		r.tick()
		r.breaks("errors")
		r.e.deliver(t.Context())
	}
	if after := r.entries(); !reflect.DeepEqual(after, before) {
		t.Errorf("written while held: %v, was %v", after, before)
	}
	if want := []string{"store_went_back", "behind_breach"}; !slices.Equal(r.sent, want) {
		t.Errorf("sent %q, want %q", r.sent, want)
	}
	if _, err := r.e.Promote(t.Context(), "ranker", "", "ann"); err == nil || !strings.Contains(err.Error(), "autorollback recover") {
		t.Errorf("a step of the ramp: %v", err)
	}
	inc, err := r.e.Rollback(t.Context(), "ranker", "", "ann", "users are hurt")
	if err != nil || inc.ID == acted.ID || inc.Release != rel.ID || inc.Epoch <= acted.Epoch {
		t.Errorf("a human's rollback: %v, incident %s of epoch %d after %s of %d", err, inc.ID, inc.Epoch, acted.ID, acted.Epoch)
	}
	if got := inc.Decision.Reasons; !strings.Contains(strings.Join(got, "\n"), "Warning (store_went_back)") {
		t.Errorf("no warning: %q", got)
	}
}
