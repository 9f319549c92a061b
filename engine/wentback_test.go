package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/engine/known"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/view"
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
	rel, err := r.e.Start(r.t.Context(), l, fixture.By("ann"))
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

// outbox are the messages that wait, with their indexes.
func (r *restorable) outbox() map[string]uint64 {
	r.t.Helper()
	snap, err := r.st.Read(r.t.Context(), store.OutboxKey(""))
	if err != nil {
		r.t.Fatal(err)
	}
	all := map[string]uint64{}
	for _, en := range snap.Entries {
		all[en.Key] = en.Index
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
	if want := []string{"started", "store_went_back", "behind_breach"}; !slices.Equal(r.sent, want) {
		t.Errorf("sent %q, want %q", r.sent, want)
	}
	if _, err := r.e.Promote(t.Context(), "ranker", "", fixture.By("ann")); err == nil || !strings.Contains(err.Error(), "autorollback recover") {
		t.Errorf("a step of the ramp: %v", err)
	}
	inc, err := r.e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "users are hurt")
	if err != nil || inc.ID == acted.ID || inc.Release != rel.ID || inc.Epoch <= acted.Epoch {
		t.Errorf("a human's rollback: %v, incident %s of epoch %d after %s of %d", err, inc.ID, inc.Epoch, acted.ID, acted.Epoch)
	}
	if got := inc.Decision.Reasons; !strings.Contains(strings.Join(got, "\n"), "Warning (store_went_back)") {
		t.Errorf("no warning: %q", got)
	}
}

// The backup has the incident of the epoch as a question; what became of it was lost. A human's
// rollback while the store is behind is another incident's.
func TestRollbackWhileBehindHasAnIncidentOfItsOwn(t *testing.T) {
	r := restorableOf(t)
	r.launch("12")
	r.breaks("slowish")
	asked := incidentOf(t, r.st)
	r.copyTo("store", "backup")
	r.breaks("errors")
	r.copyTo("backup", "store")
	r.tick()
	inc, err := r.e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "users are hurt")
	if err != nil || asked.Phase != record.Awaiting || inc.ID == asked.ID || inc.Epoch <= asked.Epoch+1 {
		t.Errorf("%v: incident %s of epoch %d after %s (%s) of %d", err, inc.ID, inc.Epoch, asked.ID, asked.Phase, asked.Epoch)
	}
}

// recovers brings the target in line as it is shown, and returns what was shown.
func (r *restorable) recovers() view.Recovery {
	r.t.Helper()
	shown, err := r.e.Recovery(r.t.Context(), "ranker", "")
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.e.Recover(r.t.Context(), "ranker", "", fixture.By("ann"), "the backup was too old", "sha256:another"); !errors.Is(err, runbook.ErrConflict) {
		r.t.Fatalf("a yes to another plan: %v", err)
	}
	if _, err := r.e.Recover(r.t.Context(), "ranker", "", fixture.By("ann"), "the backup was too old", shown.Plan); err != nil {
		r.t.Fatal(err)
	}
	return shown
}

func whats(r view.Recovery) (all []string) {
	for _, l := range r.Lines {
		all = append(all, l.What)
	}
	return all
}

// A recovery moves the traffic of what was rolled back away again, in the same transaction puts
// its bundle under quarantine, and uses no incident's id twice.
func TestRecoverAfterARestoredRollback(t *testing.T) {
	r := restorableOf(t)
	r.launch("12")
	r.copyTo("store", "backup")
	r.breaks("errors")
	acted := incidentOf(t, r.st)
	r.copyTo("backup", "store")
	r.tick()
	shown := r.recovers()
	if want := []string{"release", "split", "incident", "quarantine"}; !slices.Equal(whats(shown), want) || !shown.Shift || shown.Change == nil {
		t.Errorf("shown: %+v", shown)
	}
	s := r.tick()
	inc := incidentOf(t, r.st)
	switch {
	case s.Behind != nil, s.Release.Phase != record.RolledBack, s.Release.Held != nil, !s.Split.Equal(record.Split{"ranker-v1": 100}):
		t.Errorf("after the recovery: %+v, split %v", s.Release, s.Split)
	case inc.ID == acted.ID, inc.Phase != record.Acted, inc.By != "ann":
		t.Errorf("incident %s (%s) by %q, after %s", inc.ID, inc.Phase, inc.By, acted.ID)
	case !s.Quarantined[s.Release.Candidate.Bundle].Bars():
		t.Errorf("quarantine: %+v", s.Quarantined)
	}
	if _, err := r.e.Recovery(t.Context(), "ranker", ""); !errors.Is(err, runbook.ErrNotFound) {
		t.Errorf("something is missing still: %v", err)
	}
	r.copyTo("store", "store2")
	if s := r.tick(); s.Behind != nil {
		t.Errorf("noticed again after a restart: %+v", s.Behind)
	}
}

// What a backup may have missed, and what becomes of it.
func TestRecoverEachLoss(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		ramp  bool
		since func(*restorable) // what the backup does not have
		want  []string          // what is shown to be missing
		check func(*testing.T, lifecycle.State)
	}{
		"a rollback, and the split by hand": {
			since: func(r *restorable) { r.breaks("errors") },
			want:  []string{"release", "incident", "quarantine"},
			check: func(t *testing.T, s lifecycle.State) {
				if s.Release.Phase != record.RolledBack || s.Release.Incident == "" || !s.Quarantined[s.Release.Candidate.Bundle].Bars() {
					t.Errorf("%+v", s.Release)
				}
			},
		},
		"a human's stop": {
			ramp: true,
			since: func(r *restorable) {
				if _, err := r.e.Stop(ctx, "ranker", "", fixture.By("ann"), "wait"); err != nil {
					r.t.Fatal(err)
				}
			},
			want: []string{"release"},
			check: func(t *testing.T, s lifecycle.State) {
				if s.Release.Stopped == nil || s.Release.Weight != 20 || s.Release.Phase != record.Open {
					t.Errorf("%+v", s.Release)
				}
			},
		},
		"a quarantine alone, which somebody removed while recovery is verified": {
			since: func(r *restorable) {
				r.breaks("errors")
				bundle := r.tick().Release.Candidate.Bundle
				snap, err := r.st.Read(ctx, store.QuarantineKey(bundle))
				if err == nil {
					err = r.st.Commit(ctx, store.NewTx(store.Op{Verb: store.Delete, Key: store.QuarantineKey(bundle), Index: snap.Entries[0].Index}))
				}
				if err != nil {
					r.t.Fatal(err)
				}
				r.copyTo("store", "backup")
			},
			want: []string{"quarantine"},
			check: func(t *testing.T, s lifecycle.State) {
				if s.Incident == nil || s.Incident.Phase != record.Acted || !s.Quarantined[s.Release.Candidate.Bundle].Bars() {
					t.Errorf("%+v, incident %+v", s.Quarantined, s.Incident)
				}
			},
		},
		"the next release": {
			since: func(r *restorable) {
				if _, err := r.e.Rollback(ctx, "ranker", "", fixture.By("ann"), "enough"); err != nil {
					r.t.Fatal(err)
				}
				r.ends()
				r.launch("13")
			},
			want: []string{"release", "quarantine"},
			check: func(t *testing.T, s lifecycle.State) {
				if s.Release.Phase != record.Open || s.Release.Stopped == nil || len(s.Quarantined) != 1 {
					t.Errorf("%+v", s.Release)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := restorableOf(t)
			if c.ramp {
				r.rb.Rollout = fixture.Ramp(runbook.PromoteManual)
			}
			rel := r.launch("12")
			r.tick()
			r.copyTo("store", "backup")
			c.since(r)
			was := *r.e.memory.Of(known.Target(theTarget)).Release
			r.copyTo("backup", "store")
			if strings.Contains(name, "by hand") {
				if err := put(r.st, routerKey, `{"weights":{"ranker-v1":100,"ranker-v2":0}}`); err != nil {
					t.Fatal(err)
				}
			}
			if s := r.tick(); s.Behind == nil {
				t.Fatal("not noticed")
			}
			if shown := r.recovers(); !slices.Equal(whats(shown), c.want) {
				t.Errorf("shown %q, want %q: %+v", whats(shown), c.want, shown.Lines)
			}
			s := r.tick()
			if s.Behind != nil || s.Release.Epoch < was.Epoch || s.Release.ID != was.ID {
				t.Errorf("release %s of epoch %d, known is %s of %d, the first was %s; behind %+v", s.Release.ID, s.Release.Epoch, was.ID, was.Epoch, rel.ID, s.Behind)
			}
			c.check(t, s)
		})
	}
}

// ends brings the incident under way to its end without asking anybody.
func (r *restorable) ends() {
	r.t.Helper()
	inc := incidentOf(r.t, r.st)
	inc.Phase = record.Done
	text, err := json.Marshal(inc)
	if err == nil {
		err = put(r.st, store.IncidentKey(inc.ID), string(text))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// A Consul is restored from a snapshot of before a rollback while daemons run: each notices it at
// its next read, and so does one that begins without a journal, as soon as another has. Nothing is
// written for the target, people are told once, and any of them recovers it.
func TestConsulRestoredFromASnapshot(t *testing.T) {
	server := servers.Consul(t)
	rb := fixture.Runbook(t, "page")
	f := factsOf(t, rb)
	var lines []record.Seen
	sent := map[string]int{}
	engine := func(n int, seen []record.Seen) *Engine {
		p := partsOf(consulOf(t, server.Addr, n), f)
		p.Seen = seen
		p.Journal = journals(func(_ string, line record.Record) error {
			if line.Seen != nil && n == 0 {
				lines = append(lines, *line.Seen)
			}
			return nil
		})
		p.Post = posts(func(m record.Message) (string, error) { sent[m.Kind]++; return "#ranking-oncall", nil })
		e := engineOf(t, p, rb, Options{Replica: fmt.Sprint("replica-", n)})
		e.install(t.Context())
		return e
	}
	acting := engine(0, nil)
	st := acting.store
	if err := put(st, routerKey, `{"weights":{"ranker-v1":100}}`); err != nil {
		t.Fatal(err)
	}
	if _, err := acting.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err != nil {
		t.Fatal(err)
	}
	looking := engine(1, nil)
	tick := func(e *Engine) lifecycle.State {
		t.Helper()
		s, err := e.step(t.Context(), theTarget, lifecycle.Tick{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tick(looking)
	backup := server.Snapshot()
	f.breaking["errors"] = true
	if err := hears(t, acting, fixture.Alert("errors", record.Webhook)); err != nil {
		t.Fatal(err)
	}
	acted := incidentOf(t, st)
	if _, err := looking.read(t.Context(), theTarget, lifecycle.Tick{}); err != nil { // and nothing else: a tick may write
		t.Fatal(err)
	}
	acting.deliver(t.Context())
	clear(sent)
	server.Restore(backup)
	written := func() map[string]uint64 {
		t.Helper()
		snap, err := st.Read(t.Context(), store.Root, "routes/", "features/")
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]uint64{}
		for _, en := range snap.Entries {
			if !strings.HasPrefix(en.Key, behinds) && !strings.HasPrefix(en.Key, store.OutboxKey("")) && !strings.HasPrefix(en.Key, store.Root+"op/") {
				all[en.Key] = en.Index
			}
		}
		return all
	}
	before := written()
	if s := tick(looking); s.Behind == nil || s.Behind.Replica != "replica-1" {
		t.Fatalf("not noticed by one that had only read it: %+v", s.Behind)
	}
	again, fresh := engine(2, lines), engine(3, nil) // after a restart; and without a journal
	for _, e := range []*Engine{acting, again, fresh} {
		if s := tick(e); s.Behind == nil {
			t.Fatalf("%s has not noticed", e.opts.Replica)
		}
		if err := hears(t, e, fixture.Alert("errors", record.Webhook)); err != nil {
			t.Fatal(err)
		}
		e.deliver(t.Context())
	}
	if after := written(); !reflect.DeepEqual(after, before) {
		t.Errorf("written while held: %v, was %v", after, before)
	}
	if sent[report.KindWentBack] != 1 || sent[report.KindBehindBreach] != 1 {
		t.Errorf("sent %v", sent)
	}
	shown, err := fresh.Recovery(t.Context(), "ranker", "")
	if err == nil {
		_, err = fresh.Recover(t.Context(), "ranker", "", fixture.By("ann"), "restored", shown.Plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Engine{acting, looking, again, fresh} {
		s := tick(e)
		if s.Behind != nil || s.Release.Phase != record.RolledBack || s.Incident == nil || s.Incident.ID == acted.ID {
			t.Errorf("%s: %+v, incident %+v after %s", e.opts.Replica, s.Release, s.Incident, acted.ID)
		}
	}
}

// A store that was wiped holds every service, also those of which nothing is known, until a human
// has recovered it; nothing that was known comes back open.
func TestWipedFileIsHeldAndRecovered(t *testing.T) {
	r := restorableOf(t)
	r.launch("12")
	r.breaks("errors")
	acted := incidentOf(t, r.st)
	r.tick()
	id := r.e.memory.Installation()
	r.st.Close()
	if err := os.Remove(r.file("store")); err != nil {
		t.Fatal(err)
	}
	r.start()
	if err := put(r.st, routerKey, `{"weights":{"ranker-v1":100}}`); err != nil {
		t.Fatal(err)
	}
	if targets := r.e.releaseTargets(t.Context()); !slices.Equal(targets, []Target{theTarget}) {
		t.Errorf("looks at %v", targets)
	}
	s := r.tick()
	if s.Behind == nil || !strings.Contains(s.Behind.Why, "no longer knows installation "+id) || len(s.Behind.Quarantine) != 1 {
		t.Fatalf("noticed: %+v", s.Behind)
	}
	if _, err := r.e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err == nil || !strings.Contains(err.Error(), "autorollback recover") {
		t.Errorf("a start: %v", err)
	}
	r.recovers()
	if s = r.tick(); s.Behind != nil || s.Installation.ID != id || s.Release.Phase != record.RolledBack || s.Release.Epoch <= acted.Epoch {
		t.Errorf("after the recovery: %+v of installation %q", s.Release, s.Installation.ID)
	}
	if _, err := r.e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err == nil || !strings.Contains(err.Error(), "quarantined") {
		t.Errorf("the bundle that was rolled back starts again: %v", err)
	}
	r.launch("13")
}

// A daemon that was pointed at another installation's store writes nothing there, a notice
// included, and tells its own people. A human may say that it is the right one.
func TestAnotherInstallationsStore(t *testing.T) {
	mine, theirs := restorableOf(t), restorableOf(t)
	own := mine.launch("12")
	mine.tick()
	theirs.launch("13") // so that its epochs are above ours
	theirs.breaks("errors")
	theirs.e.deliver(t.Context())
	theirs.ends()
	rel := theirs.launch("14")
	theirs.tick()
	mine.st.Close()
	mine.st = theirs.st
	mine.sent = nil
	mine.e = mine.engine("replica")
	before, waiting := theirs.entries(), theirs.outbox()
	for range 3 {
		mine.e.install(t.Context())
		mine.tick()
		mine.breaks("errors")
		mine.e.deliver(t.Context())
		mine.e.recordWatchdog(t.Context(), time.Now())
		mine.e.noticeControl(t.Context())
		mine.e.gcRecords(t.Context())
	}
	snap, err := theirs.st.Read(t.Context(), store.Root)
	if err != nil {
		t.Fatal(err)
	}
	if after := theirs.entries(); !reflect.DeepEqual(after, before) || len(snap.Under(behinds)) != 0 {
		t.Errorf("written into another installation's store: %v, was %v", after, before)
	}
	if after := theirs.outbox(); len(waiting) != 1 || !reflect.DeepEqual(after, waiting) {
		t.Errorf("another installation's outbox is %v, was %v", after, waiting)
	}
	if want := []string{report.KindWentBack}; !slices.Equal(mine.sent, want) {
		t.Errorf("sent %q, want %q", mine.sent, want)
	}
	if known := mine.e.memory.Of(known.Target(theTarget)).Release; known == nil || known.ID != own.ID {
		t.Errorf("it remembers %+v of the other store, and not its own %s", known, own.ID)
	}
	if st, err := mine.e.Status(t.Context()); err != nil || len(st.Behind) != 1 || !strings.Contains(st.Behind[0].Why, "a different store") {
		t.Errorf("status says %+v, %v", st.Behind, err)
	}
	mine.recovers()
	if s := mine.tick(); s.Release.ID != rel.ID || s.OtherStore != "" || s.Behind != nil || mine.e.memory.Other() != "" {
		t.Errorf("after somebody said that it is the right one: %q, %+v", s.OtherStore, s.Behind)
	}
	if s, err := theirs.e.step(t.Context(), theTarget, lifecycle.Tick{}); err != nil || s.Behind != nil || s.OtherStore != "" {
		t.Errorf("whose store it was: %v, %+v, %q (release %s)", err, s.Behind, s.OtherStore, rel.ID)
	}
}

// What only looks as if the store had gone back in time.
func TestNoFalseAlarm(t *testing.T) {
	calm := func(t *testing.T, r *restorable) {
		t.Helper()
		for range 2 {
			r.e.install(t.Context())
			if s := r.tick(); s.Behind != nil || s.OtherStore != "" {
				t.Fatalf("noticed: %+v, %q", s.Behind, s.OtherStore)
			}
		}
	}
	restarted := func(r *restorable) { r.copyTo("store", "store-as-it-is") }
	for name, story := range map[string]func(*testing.T, *restorable){
		"a fresh installation": func(t *testing.T, r *restorable) { calm(t, r); r.launch("12"); calm(t, r) },
		"a restart at every point": func(t *testing.T, r *restorable) {
			r.launch("12")
			restarted(r)
			calm(t, r)
			r.breaks("errors")
			restarted(r)
			calm(t, r)
			r.ends()
			r.launch("13")
			restarted(r)
			calm(t, r)
		},
		"a journal that was removed on purpose": func(t *testing.T, r *restorable) {
			r.launch("12")
			r.breaks("errors")
			r.lines = nil
			restarted(r)
			calm(t, r)
		},
		"an upgrade: neither an installation nor a line of it": func(t *testing.T, r *restorable) {
			r.launch("12")
			snap, err := r.st.Read(t.Context(), store.InstallationKey)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.st.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Delete, Key: store.InstallationKey, Index: snap.Entries[0].Index})); err != nil {
				t.Fatal(err)
			}
			r.lines = nil
			restarted(r)
			calm(t, r)
		},
		"old records are collected": func(t *testing.T, r *restorable) {
			r.launch("12")
			r.breaks("errors")
			calm(t, r)
			inc := incidentOf(t, r.st)
			snap, err := r.st.Read(t.Context(), store.IncidentKey(inc.ID))
			if err != nil {
				t.Fatal(err)
			}
			if err := r.st.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Delete, Key: store.IncidentKey(inc.ID), Index: snap.Entries[0].Index})); err != nil {
				t.Fatal(err)
			}
			restarted(r)
			calm(t, r)
		},
		"a quarantine that was lifted": func(t *testing.T, r *restorable) {
			r.launch("12")
			r.breaks("errors")
			s := r.tick()
			if err := r.e.Lift(t.Context(), s.Release.Candidate.Bundle, fixture.By("ann"), "fixed"); err != nil {
				t.Fatal(err)
			}
			restarted(r)
			calm(t, r)
		},
		"another replica goes on, and this one reads late": func(t *testing.T, r *restorable) {
			twin := r.engine("twin")
			r.launch("12")
			r.breaks("errors")
			if s, err := twin.step(t.Context(), theTarget, lifecycle.Tick{}); err != nil || s.Behind != nil {
				t.Fatal(err, s.Behind)
			}
			calm(t, r)
		},
		"a stop that was resumed": func(t *testing.T, r *restorable) {
			r.rb.Rollout = fixture.Ramp(runbook.PromoteManual)
			r.launch("12")
			if _, err := r.e.Stop(t.Context(), "ranker", "", fixture.By("ann"), "wait"); err != nil {
				t.Fatal(err)
			}
			calm(t, r)
			if _, err := r.engine("twin").Resume(t.Context(), "ranker", "", fixture.By("bob"), "go"); err != nil {
				t.Fatal(err)
			}
			calm(t, r)
			restarted(r)
			calm(t, r)
		},
	} {
		t.Run(name, func(t *testing.T) { story(t, restorableOf(t)) })
	}
}
