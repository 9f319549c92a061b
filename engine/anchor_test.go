package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

func journalAt(t *testing.T, path string) *audit.Journal {
	t.Helper()
	j, err := audit.OpenJournal(path, "replica-a")
	must(t, err)
	return j
}

// runs lets an engine work for a while.
func runs(t *testing.T, e *Engine, d time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- e.Run(ctx) }()
	time.Sleep(d)
	stop()
	must(t, <-over)
}

// What commits something of an incident keeps the head of the journal as it was then, and so do
// the messages; all that was written since is anchored a few seconds later.
func TestTheJournalsHeadIsKeptElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	synctest.Test(t, func(t *testing.T) {
		j := journalAt(t, path)
		defer j.Close()
		must(t, j.Append("", record.Record{Kind: "begun"}))
		var sent []record.Message
		e, st, f := solo(t, func(p *Parts) {
			p.Journal = j
			p.Post = posts(func(m record.Message) (string, error) { sent = append(sent, m); return "team", nil })
		})
		f.breaking["errors"] = true
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		acted := incidentOf(t, st)
		if acted.ActedAt.IsZero() || len(acted.Anchors) != 1 || acted.Anchors[0].Replica != "replica-a" || acted.Anchors[0].Lines == 0 {
			t.Fatalf("acted at %v with the anchors %+v", acted.ActedAt, acted.Anchors)
		}
		if has, err := j.Has(acted.Anchors[0].Head); err != nil || !has {
			t.Errorf("the incident's head is none of the journal's: %v", err)
		}
		f.set(func(f *facts) { f.traffic = 0 })
		runs(t, e, 5*time.Minute)
		if len(sent) == 0 {
			t.Error("nothing was sent")
		}
		for _, m := range sent {
			if has, err := j.Has(m.Anchor.Head); m.Anchor.Lines == 0 || err != nil || !has {
				t.Errorf("message %s carries %+v", m.Kind, m.Anchor)
			}
		}
		a := all[record.Anchor](t, st, store.AnchorKey(""))["replica-a"]
		if a.Head != j.Head() || len(a.Lost) > 0 {
			t.Errorf("anchored is %+v, and the journal is at %+v", a, j.Head())
		}
		st2, err := e.Status(t.Context())
		if err != nil || st2.Replica != "replica-a" || len(st2.Anchors) != 1 || st2.Anchors[0].Head != j.Head() {
			t.Errorf("the status says %+v of %s, %v", st2.Anchors, st2.Replica, err)
		}
	})
}

// A journal that has not what was anchored is found when the daemon starts: people are paged, what
// was lost is kept, and the daemon works.
func TestAnAlteredJournalIsFoundAtTheStart(t *testing.T) {
	for name, alter := range map[string]func(text []byte) []byte{
		"nothing":            func(text []byte) []byte { return text },
		"emptied":            func([]byte) []byte { return nil },
		"cut by one line":    func(text []byte) []byte { return cutLine(text) },
		"another name in it": func(text []byte) []byte { return rewritten(text, "ann", "bob") },
		"begun anew, longer": func(text []byte) []byte { return rewritten(append(text, text...), "ann", "bob") },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.jsonl")
			synctest.Test(t, func(t *testing.T) {
				j := journalAt(t, path)
				e, st, _ := solo(t, func(p *Parts) { p.Journal = j })
				for n := range 3 {
					must(t, j.Append("inc-1", record.Record{Kind: "promoted", By: "ann", Text: fmt.Sprint(n)}))
				}
				runs(t, e, 10*time.Second)
				was := j.Head()
				must(t, j.Close())
				text, err := os.ReadFile(path)
				must(t, err)
				must(t, os.WriteFile(path, alter(text), 0o640))

				j = journalAt(t, path)
				defer j.Close()
				var sent []record.Message
				p := partsOf(st, factsOf(t, fixture.Runbook(t, "page")))
				p.Journal = j
				p.Post = posts(func(m record.Message) (string, error) { sent = append(sent, m); return "team", nil })
				e = engineOf(t, p, fixture.Runbook(t, "page"), Options{Replica: "replica"})
				runs(t, e, 3*time.Minute)
				a := all[record.Anchor](t, st, store.AnchorKey(""))["replica-a"]
				var paged []record.Message
				for _, m := range sent {
					if m.Kind == report.KindJournal {
						paged = append(paged, m)
					}
				}
				if name == "nothing" {
					if len(paged) > 0 || len(a.Lost) > 0 || testutil.ToFloat64(e.metrics.lostHeads) != 0 {
						t.Errorf("nothing was altered, and paged was %+v, anchored is %+v", paged, a)
					}
					return
				}
				if len(a.Lost) != 1 || a.Lost[0].Head != was || a.Head != j.Head() {
					t.Errorf("anchored is %+v; lost was %+v, and the journal is at %+v", a, was, j.Head())
				}
				if len(paged) != 1 || !paged[0].Page || !strings.Contains(paged[0].Text, was.Digest) {
					t.Errorf("paged %+v", paged)
				}
				if testutil.ToFloat64(e.metrics.lostHeads) != 1 {
					t.Error("the metric does not say so")
				}
			})
		})
	}
}

func cutLine(text []byte) []byte {
	end := bytes.LastIndexByte(text[:len(text)-1], '\n')
	return text[:end+1]
}

// rewritten is a journal that somebody else wrote: whole in itself.
func rewritten(text []byte, from, to string) []byte {
	dir, err := os.MkdirTemp("", "forged")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	forged, err := audit.OpenJournal(filepath.Join(dir, "journal.jsonl"), "x")
	if err != nil {
		panic(err)
	}
	defer forged.Close()
	for line := range strings.Lines(strings.ReplaceAll(string(text), from, to)) {
		var r struct {
			Incident string `json:"incident"`
			record.Record
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			panic(err)
		}
		if err := forged.Append(r.Incident, r.Record); err != nil {
			panic(err)
		}
	}
	all, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		panic(err)
	}
	return all
}

// A store that was restored to a moment before the breach gives the next incident the same id. What was
// sealed of the first stays as it was, and the second has a folder of its own.
func TestARestoredStoreLeavesSealedEvidenceAlone(t *testing.T) {
	folder := audit.Folder{Dir: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, func(p *Parts) { p.Archive = report.Archive{Folder: folder} })
		backup := maps.Clone(st.keys)
		f.breaking["errors"] = true
		rolledBack := func() record.Incident {
			f.set(func(f *facts) { f.traffic = 10 })
			must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
			f.set(func(f *facts) { f.traffic = 0 })
			runs(t, e, 15*time.Minute)
			return incidentOf(t, st)
		}
		first := rolledBack()
		if first.EvidenceDigest == "" {
			t.Fatalf("not sealed: %s, %s", first.Phase, first.Evidence)
		}
		st.mu.Lock()
		st.keys = maps.Clone(backup) // and the index goes on
		st.mu.Unlock()
		p := partsOf(st, f) // without a journal that would tell that the store went back
		p.Archive = report.Archive{Folder: folder}
		e = engineOf(t, p, fixture.Runbook(t, "page"), Options{Replica: "replica"})
		second := rolledBack()
		if second.ID != first.ID || second.Evidence != first.Evidence+".2" || second.EvidenceDigest == first.EvidenceDigest {
			t.Errorf("the second, %s, is %s in %s; the first is %s in %s", second.ID, second.EvidenceDigest, second.Evidence, first.EvidenceDigest, first.Evidence)
		}
		for _, i := range []record.Incident{first, second} {
			found := audit.Check(i.Evidence)
			if found.Digest != i.EvidenceDigest || len(found.Problems) > 0 {
				t.Errorf("%s is %+v", i.Evidence, found)
			}
			if stages, err := folder.Stages(i); err != nil || len(stages) != 3 {
				t.Errorf("%s has the stages %+v, %v", i.Evidence, stages, err)
			}
		}
	})
}

// A process that captured an incident captures another one of the same id as well, and each once.
func TestEachIncidentOfAnIDIsCaptured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		captured := 0
		e, _, f := solo(t, func(p *Parts) { p.Archive = captures(func(string) error { captured++; return nil }) })
		f.breaking["errors"] = true
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		v, err := e.read(t.Context(), theTarget, lifecycle.Tick{})
		must(t, err)
		again := *v.Incident
		again.OpenedAt = again.OpenedAt.Add(time.Hour)
		for _, i := range []*record.Incident{v.Incident, v.Incident, &again, &again} {
			v.Incident = i
			must(t, e.capture(t.Context(), v.State, "before"))
		}
		if captured != 2 {
			t.Errorf("captured %d times, want each incident once", captured)
		}
	})
}
