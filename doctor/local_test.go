package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/view"
)

// What the newest calls and the watchdog say about the way to the receiver.
func TestWhatCameByWebhook(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	taken := func(d time.Duration) Call { return Call{At: ago(d), From: "10.0.0.1", Code: 200} }
	refused := func(d time.Duration, code int) Call {
		return Call{At: ago(d), From: "10.0.0.2", Code: code, Text: "no"}
	}
	for name, c := range map[string]struct {
		started           time.Time
		accepted, refused Call
		watchdog          time.Time
		calls, dog        view.CheckState
		fix               string // of the calls
	}{
		"all is well":           {ago(time.Hour), taken(time.Minute), Call{}, ago(time.Minute), view.CheckOK, view.CheckOK, ""},
		"just started":          {ago(time.Minute), Call{}, Call{}, time.Time{}, view.CheckUnknown, view.CheckUnknown, "--fire"},
		"nobody ever called":    {ago(time.Hour), Call{}, Call{}, time.Time{}, view.CheckUnknown, view.CheckOff, "--fire"},
		"the way broke":         {ago(time.Hour), taken(time.Hour), Call{}, ago(time.Hour), view.CheckOK, view.CheckOff, ""},
		"a wrong token":         {ago(time.Hour), Call{}, refused(time.Second, 401), time.Time{}, view.CheckOff, view.CheckOff, "credentials_file"},
		"a wrong path":          {ago(time.Hour), taken(time.Hour), refused(time.Second, 404), ago(time.Hour), view.CheckOff, view.CheckOff, "/v1/alertmanager"},
		"one of two is refused": {ago(time.Hour), taken(time.Second), refused(time.Minute, 401), ago(time.Second), view.CheckDegraded, view.CheckOK, "credentials_file"},
		"refused long ago":      {ago(time.Hour), taken(time.Second), refused(time.Hour, 401), ago(time.Second), view.CheckOK, view.CheckOK, ""},
	} {
		p := &patient{Doctor: &Doctor{
			Started: c.started, ReceiverPath: path, Watchdog: func() time.Time { return c.watchdog },
			Calls: func() (Call, Call) { return c.accepted, c.refused },
		}}
		calls, dog := p.refusals(now), p.watchdog(now)
		if calls.State != c.calls || dog.State != c.dog || !strings.Contains(calls.Fix, c.fix) {
			t.Errorf("%s: %+v, %+v, want %s, %s", name, calls, dog, c.calls, c.dog)
		}
	}
}

// noArchive is that there is none, or one that takes nothing, or one that works.
type noArchive struct {
	stand view.Archive
	err   error
}

func (a noArchive) Stand() view.Archive         { return a.stand }
func (a noArchive) Probe(context.Context) error { return a.err }

func noHolds() view.Holds { return view.Holds{} }

// Images that are not held are said; that they cannot be is a finding.
func TestImages(t *testing.T) {
	for name, c := range map[string]struct {
		stand view.Holds
		state view.CheckState
		what  string
	}{
		"off":     {view.Holds{}, view.CheckUnknown, "not held"},
		"refused": {view.Holds{On: true, Waiting: 1, Problem: "denied"}, view.CheckDegraded, "1 incident are not held: denied"},
		"works":   {view.Holds{On: true}, view.CheckOK, "0 incidents wait"},
	} {
		p := &patient{Doctor: &Doctor{Holds: func() view.Holds { return c.stand }}}
		if got := p.images(); got.State != c.state || !strings.Contains(got.What, c.what) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// An archive is no finding where there is none, which is said; what takes no test object is one. The box is
// ticked only where one is taken.
func TestArchive(t *testing.T) {
	down := errors.New("access denied")
	for name, c := range map[string]struct {
		archive     noArchive
		state       view.CheckState
		what, boxes string
	}{
		"none":             {noArchive{}, view.CheckUnknown, "stays on this machine", "no archive has taken"},
		"takes nothing":    {noArchive{view.Archive{Where: "s3://evidence"}, down}, view.CheckDegraded, "access denied", "no archive has taken"},
		"a folder is lost": {noArchive{view.Archive{Where: "s3://evidence", Waiting: 1, Problem: "altered"}, nil}, view.CheckDegraded, "1 incident is not archived: altered", "all are ticked"},
		"works":            {noArchive{view.Archive{Where: "s3://evidence", Waiting: 2}, nil}, view.CheckOK, "2 incidents wait", "all are ticked"},
	} {
		p := &patient{Doctor: &Doctor{Archive: c.archive}, probed: func() error { return c.archive.err }}
		if got := p.archive(); got.State != c.state || !strings.Contains(got.What, c.what) {
			t.Errorf("%s: %+v", name, got)
		}
		if got := p.selfChecks(t.Context()); len(got) != 1 || !strings.Contains(got[0].What, c.boxes) {
			t.Errorf("%s: boxes %+v", name, got)
		}
	}
}

// Files that the daemon needs, and secrets that nobody else may read.
func TestFiles(t *testing.T) {
	write := func(name string, mode os.FileMode) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	dir, file := t.TempDir(), write("file", 0o600)
	for name, c := range map[string]struct {
		doctor *Doctor
		want   string // the checks that find something
	}{
		"as it should be":                   {&Doctor{Archive: noArchive{}, Holds: noHolds, Evidence: dir, Journal: file, Secrets: []string{file, ""}}, ""},
		"a group may read":                  {&Doctor{Archive: noArchive{}, Holds: noHolds, Evidence: dir, Journal: file, Secrets: []string{write("token", 0o640)}}, ""},
		"everybody may read a secret":       {&Doctor{Archive: noArchive{}, Holds: noHolds, Evidence: dir, Journal: file, Secrets: []string{file, write("token", 0o644)}}, "secrets"},
		"a secret is gone":                  {&Doctor{Archive: noArchive{}, Holds: noHolds, Evidence: dir, Journal: file, Secrets: []string{filepath.Join(dir, "token")}}, "secrets"},
		"the journal is gone":               {&Doctor{Archive: noArchive{}, Holds: noHolds, Evidence: dir, Journal: filepath.Join(dir, "journal")}, "journal"},
		"a file in the place of evidence":   {&Doctor{Archive: noArchive{}, Holds: noHolds, Evidence: file, Journal: file}, "evidence"},
		"no evidence folder, nor a journal": {&Doctor{Archive: noArchive{}, Holds: noHolds, Evidence: filepath.Join(dir, "none"), Journal: filepath.Join(dir, "none/journal")}, "evidence journal"},
	} {
		p := &patient{Doctor: c.doctor}
		var got []string
		for _, f := range p.files(t.Context()) {
			if f.State.Finding() {
				got = append(got, f.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: found %v, want %s", name, got, c.want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
