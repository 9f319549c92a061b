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

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
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

// recovers brings the target in line as it is shown, and returns what was shown.
func (r *restorable) recovers() record.Recovery {
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

func whats(r record.Recovery) (all []string) {
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
			known := r.e.newest(theTarget)
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
			if s.Behind != nil || s.Release.Epoch <= known.Epoch || s.Release.ID != known.ID {
				t.Errorf("release %s of epoch %d, known is %s of %d, the first was %s; behind %+v", s.Release.ID, s.Release.Epoch, known.ID, known.Epoch, rel.ID, s.Behind)
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
	tick(looking) // it has only read what the other one did
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
