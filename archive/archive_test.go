package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

var opened = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)

// A world is the incidents, a helper that does what it is told, and a journal.
type world struct {
	incidents map[string]record.Incident
	gone      map[string]bool // no longer in the store
	down      error           // the store's answer
	fails     int             // how often the helper still fails
	tasks     []keeper.Request
	lines     []record.Record
}

func (w *world) Incidents(context.Context, view.IncidentQuery) (view.IncidentPage, error) {
	var p view.IncidentPage
	for _, i := range w.incidents {
		p.Incidents = append(p.Incidents, i.Brief())
	}
	return p, w.down
}

func (w *world) Incident(_ context.Context, id string) (record.Incident, error) {
	i, ok := w.incidents[id]
	if !ok || w.gone[id] {
		return i, errors.Join(runbook.ErrNotFound, w.down)
	}
	return i, w.down
}

func (w *world) Archived(_ context.Context, inc record.Incident, a record.Archived) error {
	i := w.incidents[inc.ID]
	i.Archived = &a
	w.incidents[inc.ID] = i
	return nil
}

func (w *world) Do(_ context.Context, q keeper.Request) (keeper.Answer, error) {
	w.tasks = append(w.tasks, q)
	if w.fails > 0 {
		w.fails--
		return keeper.Answer{}, errors.New("access denied")
	}
	return keeper.Answer{Files: 4, Bytes: 100}, nil
}

func (w *world) Append(_ string, lines ...record.Record) error {
	w.lines = append(w.lines, lines...)
	return nil
}

// seal makes a closed incident with its folder.
func (w *world) seal(t *testing.T, f audit.Folder, id string) record.Incident {
	t.Helper()
	inc := record.Incident{ID: id, Service: "ranker", Region: "default", Phase: record.Done, OpenedAt: opened, ClosedAt: opened.Add(time.Hour), EvidenceAt: opened.Add(time.Hour)}
	if _, _, err := f.Capture(inc, audit.Before, map[string][]byte{"alerts.json": []byte(id)}); err != nil {
		t.Fatal(err)
	}
	var err error
	if inc.Evidence, inc.EvidenceDigest, err = f.Seal(inc, 0, map[string][]byte{"incident.md": []byte(id)}); err != nil {
		t.Fatal(err)
	}
	w.incidents[id] = inc
	return inc
}

func archiverOf(t *testing.T, where string) (*Archiver, *world, audit.Folder) {
	t.Helper()
	w, f := &world{incidents: map[string]record.Incident{}, gone: map[string]bool{}}, audit.Folder{Dir: t.TempDir()}
	daily, err := runbook.ParseCalendar("0 4 * * *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	return New(w, w, w, prometheus.NewRegistry(), zap.NewNop(), Options{Where: where, Folder: f, KeepLocal: 30 * 24 * time.Hour, Calendar: daily}), w, f
}

// An incident is archived once the helper says that all was read back; until then it is tried again, later
// and later, and how it stands is said.
func TestArchivedOnlyWhenReadBack(t *testing.T) {
	a, w, f := archiverOf(t, "s3://evidence?region=x&prefix=prod/")
	inc := w.seal(t, f, "inc-1")
	w.fails = 2
	for _, c := range []struct {
		at       time.Duration
		tasks    int
		archived bool
	}{{0, 1, false}, {time.Second, 1, false}, {6 * time.Second, 2, false}, {15 * time.Second, 2, false}, {17 * time.Second, 3, true}, {time.Hour, 3, true}} {
		a.turn(t.Context(), opened.Add(c.at))
		now := w.incidents[inc.ID]
		if len(w.tasks) != c.tasks || now.InArchive() != c.archived {
			t.Fatalf("after %s: %d tasks, archived %+v", c.at, len(w.tasks), now.Archived)
		}
		st := a.Stand()
		if want := map[bool]int{false: 1}[c.archived]; st.Waiting != want || (st.Problem == "") != c.archived || st.Oldest.IsZero() != c.archived {
			t.Errorf("after %s it stands so: %+v", c.at, st)
		}
		if c.archived != (st.Says() == "") || !c.archived && !strings.Contains(st.Says(), "access denied") {
			t.Errorf("after %s it says %q", c.at, st.Says())
		}
	}
	got := w.tasks[2]
	if got.Task != keeper.Archive || got.Folder != inc.Evidence || got.Digest != inc.EvidenceDigest || !strings.HasPrefix(got.Name, "inc-1/") {
		t.Errorf("it was told %+v", got)
	}
	if at := w.incidents[inc.ID].Archived; at.Where != "s3://evidence/prod/"+got.Name || at.Files != 4 || at.Digest != inc.EvidenceDigest {
		t.Errorf("archived: %+v", at)
	}
	if n := testutil.ToFloat64(a.metrics.failures); n != 2 {
		t.Errorf("%v failures", n)
	}
}

// An archive that is down is not asked for every incident of a turn, and one bad folder holds up no other.
func TestFailuresHoldUpNobody(t *testing.T) {
	a, w, f := archiverOf(t, "s3://evidence")
	for _, id := range []string{"inc-1", "inc-2", "inc-3", "inc-4", "inc-5"} {
		w.seal(t, f, id)
	}
	w.fails = 3
	a.turn(t.Context(), opened)
	if len(w.tasks) != mostFailed || a.Stand().Waiting != 5 {
		t.Fatalf("%d tasks, %+v", len(w.tasks), a.Stand())
	}
	a.turn(t.Context(), opened.Add(time.Second))
	if len(w.tasks) != mostFailed+2 || a.Stand().Waiting != 3 {
		t.Errorf("those that did not fail: %d tasks, %+v", len(w.tasks), a.Stand())
	}
	a.turn(t.Context(), opened.Add(time.Minute))
	if a.Stand().Waiting != 0 {
		t.Errorf("in the end: %+v", a.Stand())
	}
}

// Evidence that is not here, or is not what was sealed, is somebody else's to archive; and without an archive
// nothing is tried, and said.
func TestWhatIsNotArchivedHere(t *testing.T) {
	for name, c := range map[string]struct {
		where string
		spoil func(*world, audit.Folder, *record.Incident)
		stand view.Archive
		says  string
	}{
		"on another replica": {"s3://evidence", func(_ *world, f audit.Folder, i *record.Incident) { _ = os.RemoveAll(filepath.Join(f.Dir, i.ID)) },
			view.Archive{Where: "s3://evidence", Waiting: 1, Elsewhere: 1}, "1 of them are not on this replica"},
		"sealed by another replica": {"s3://evidence", func(_ *world, _ audit.Folder, i *record.Incident) { i.EvidenceDigest = "sha256:feed" },
			view.Archive{Where: "s3://evidence", Waiting: 1, Elsewhere: 1}, "1 of them"},
		"not sealed": {"s3://evidence", func(_ *world, _ audit.Folder, i *record.Incident) { i.EvidenceAt, i.EvidenceDigest = time.Time{}, "" },
			view.Archive{Where: "s3://evidence"}, ""},
		"no archive": {"", func(*world, audit.Folder, *record.Incident) {}, view.Archive{Waiting: 1}, "no --evidence.archive"},
	} {
		t.Run(name, func(t *testing.T) {
			a, w, f := archiverOf(t, c.where)
			inc := w.seal(t, f, "inc-1")
			c.spoil(w, f, &inc)
			w.incidents["inc-1"] = inc
			a.turn(t.Context(), opened.Add(time.Hour))
			got := a.Stand()
			got.Oldest = time.Time{}
			if len(w.tasks) > 0 || got != c.stand || !strings.Contains(got.Says(), c.says) || c.says == "" && got.Says() != "" {
				t.Errorf("%d tasks, %+v, says %q", len(w.tasks), got, got.Says())
			}
		})
	}
}

// A folder is removed once its incident was closed long ago and the archive gives back all of it, and
// in no other case.
func TestRetention(t *testing.T) {
	later := opened.Add(60 * 24 * time.Hour)
	for name, c := range map[string]struct {
		spoil   func(*testing.T, *world, *record.Incident)
		now     time.Time
		removed bool
	}{
		"old, closed and archived": {nil, later, true},
		"young":                    {nil, opened.Add(29 * 24 * time.Hour), false},
		"open":                     {func(_ *testing.T, _ *world, i *record.Incident) { i.Phase = record.Verifying }, later, false},
		"closed at no time":        {func(_ *testing.T, _ *world, i *record.Incident) { i.ClosedAt = time.Time{} }, later, false},
		"not archived":             {func(_ *testing.T, _ *world, i *record.Incident) { i.Archived = nil }, later, false},
		"another one is archived": {func(_ *testing.T, _ *world, i *record.Incident) {
			i.EvidenceDigest, i.Archived.Digest = "sha256:feed", "sha256:feed"
		}, later, false},
		"the archive lost it":         {func(_ *testing.T, w *world, _ *record.Incident) { w.fails = 1 }, later, false},
		"the store does not answer":   {func(_ *testing.T, w *world, _ *record.Incident) { w.down = errors.New("no leader") }, later, false},
		"gone from the store":         {func(_ *testing.T, w *world, i *record.Incident) { w.gone[i.ID] = true }, later, true},
		"gone from it, and lost":      {func(_ *testing.T, w *world, i *record.Incident) { w.gone[i.ID], w.fails = true, 1 }, later, false},
		"gone from it, and young":     {func(_ *testing.T, w *world, i *record.Incident) { w.gone[i.ID] = true }, opened.Add(time.Hour), false},
		"another of its id, and open": {func(_ *testing.T, _ *world, i *record.Incident) { i.OpenedAt, i.Phase = later, record.Acted }, later, true},
		"altered here": {func(t *testing.T, _ *world, i *record.Incident) {
			if err := os.Chmod(filepath.Join(i.Evidence, "incident.md"), 0o666); err != nil {
				t.Fatal(err)
			}
		}, later, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, w, f := archiverOf(t, "s3://evidence")
			inc := w.seal(t, f, "inc-1")
			inc.Archived = &record.Archived{Digest: inc.EvidenceDigest}
			if c.spoil != nil {
				c.spoil(t, w, &inc)
			}
			w.incidents["inc-1"] = inc
			a.clean(t.Context(), c.now)
			_, err := os.Stat(inc.Evidence)
			if os.IsNotExist(err) != c.removed {
				t.Errorf("removed: %v, want %v", err, c.removed)
			}
			if c.removed && (len(w.lines) != 1 || w.lines[0].Kind != "evidence_removed" || w.tasks[0].Task != keeper.Verify) {
				t.Errorf("%+v, %+v", w.lines, w.tasks)
			}
			if left, err := os.ReadDir(f.Dir); err != nil || len(left) != map[bool]int{false: 1}[c.removed] {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// Old folders are removed when the calendar says so, and never where none is to be.
func TestDue(t *testing.T) {
	a, _, _ := archiverOf(t, "s3://evidence")
	for _, c := range []struct {
		last, now time.Time
		keep      time.Duration
		due       bool
	}{
		{opened, opened.Add(3 * time.Hour), time.Hour, false},
		{opened, opened.Add(4 * time.Hour), time.Hour, true},
		{opened.Add(5 * time.Hour), opened.Add(27 * time.Hour), time.Hour, false},
		{opened.Add(5 * time.Hour), opened.Add(28 * time.Hour), time.Hour, true},
		{opened, opened.Add(100 * time.Hour), 0, false},
	} {
		if a.opts.KeepLocal = c.keep; a.due(c.last, c.now) != c.due {
			t.Errorf("%s after %s, kept %s: due %v", c.now, c.last, c.keep, !c.due)
		}
	}
}
