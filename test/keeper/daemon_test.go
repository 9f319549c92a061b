package keeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/view"
)

var (
	program = servers.Daemon()
	helper  = servers.Keeper()
)

func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	helper.Remove()
	os.Exit(code)
}

const id = "inc-0123456789ab"

// An installation is a daemon with a store in a file, in which one incident is closed and its evidence sealed.
type installation struct {
	t      *testing.T
	dir    string
	args   []string
	web    api.Client
	sealed record.Incident
	stop   func()
}

func install(t *testing.T, args ...string) *installation {
	t.Helper()
	i := &installation{t: t, dir: t.TempDir()}
	silent := httptest.NewServer(http.NotFoundHandler()) // a Prometheus that knows nothing
	t.Cleanup(silent.Close)
	i.write("ranker.yaml", string(demo.Runbook))
	i.write("token", "a-receiver-token-of-more-than-32-bytes-for-tests\n")
	i.seal()
	at := servers.FreeAddr(t)
	i.web = api.Client{URL: "http://" + at, HTTP: &http.Client{Timeout: time.Minute}}
	i.args = append([]string{"serve", "--runbooks=" + i.path("ranker.yaml"), "--store=file:" + i.path("store.db"), "--prometheus.url=" + silent.URL,
		"--receiver.listen-address=" + servers.FreeAddr(t), "--receiver.token-file=" + i.path("token"), "--web.listen-address=" + at, "--web.insecure-no-auth",
		"--approval.key-file=" + i.path("keys"), "--evidence.path=" + i.path("evidence"), "--reconcile.interval=100ms"}, args...)
	return i
}

func (i *installation) path(name string) string { return filepath.Join(i.dir, name) }

func (i *installation) write(name, text string) {
	i.t.Helper()
	if err := os.WriteFile(i.path(name), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

// seal is what a daemon left behind that had no archive.
func (i *installation) seal() {
	i.t.Helper()
	now := time.Now().UTC()
	inc := record.Incident{Schema: 1, ID: id, Service: "ranker", Region: "default", Phase: record.Done, OpenedAt: now.Add(-time.Hour), ClosedAt: now, EvidenceAt: now}
	f := audit.Folder{Dir: i.path("evidence")}
	_, _, err := f.Capture(inc, audit.Before, map[string][]byte{"alerts.json": []byte("[]")})
	if err == nil {
		inc.Evidence, inc.EvidenceDigest, err = f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("# v2 was bad\n")})
	}
	kv, open := store.OpenFile(i.path("store.db"))
	if err := errors.Join(err, open); err != nil {
		i.t.Fatal(err)
	}
	if err := errors.Join(demo.Route(i.t.Context(), kv, "routes/ranker/weights", "ranker-v1"), kv.Close()); err != nil {
		i.t.Fatal(err)
	}
	i.put(map[string]any{store.IncidentKey(id): inc})
	i.sealed = inc
}

// start runs the daemon until stop, or the test's end.
func (i *installation) start() {
	i.t.Helper()
	cmd := exec.Command(program.File(i.t), i.args...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	i.stop = func() {
		i.stop = func() {}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil || i.t.Failed() {
			i.t.Logf("the daemon ended with %v:\n%s", err, log.String())
		}
	}
	i.t.Cleanup(func() { i.stop() })
	i.await("the daemon", func() error { _, err := i.web.Status(i.t.Context()); return err })
}

// await waits for what takes as long as the machine is busy.
func (i *installation) await(what string, ok func() error) {
	i.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(i.t.Context(), 4*time.Minute)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			i.t.Fatalf("waited for %s: %v", what, err)
		case <-tick.C:
		}
	}
}

func (i *installation) incident() record.Incident {
	i.t.Helper()
	inc, err := i.web.Incident(i.t.Context(), id)
	if err != nil {
		i.t.Fatal(err)
	}
	return inc
}

// check is what doctor says of the archive.
func (i *installation) check() view.Check {
	i.t.Helper()
	e, err := i.web.Examine(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	for _, c := range e.Checks {
		if c.Name == "archive" {
			return c
		}
	}
	i.t.Fatalf("doctor says nothing of the archive: %+v", e)
	return view.Check{}
}

// page is the incident's page.
func (i *installation) page() string {
	i.t.Helper()
	resp, err := i.web.HTTP.Get(i.web.URL + "/incidents/" + id)
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		i.t.Fatalf("%s, %v", resp.Status, err)
	}
	return string(text)
}

// Evidence is ticked once it is in the archive and not before: without the helper everything says so, and
// with it a restart is enough. What is in the archive is what was sealed.
func TestFromSealToArchive(t *testing.T) {
	at := t.TempDir()
	link := filepath.Join(t.TempDir(), keeper.Name)
	i := install(t, "--evidence.archive=file://"+at, "--keeper.path="+link)
	i.start()
	i.await("the failure to be told", func() error {
		st, err := i.web.Status(t.Context())
		if err != nil || st.Archive.Waiting != 1 || !strings.Contains(st.Archive.Says(), keeper.ErrMissing.Error()) {
			return fmt.Errorf("%+v, %v", st.Archive, err)
		}
		return nil
	})
	if inc := i.incident(); inc.Archived != nil {
		t.Errorf("archived without the helper: %+v", inc.Archived)
	}
	if c := i.check(); c.State != view.CheckDegraded || !strings.Contains(c.What, keeper.ErrMissing.Error()) {
		t.Errorf("doctor says %+v", c)
	}
	if page := i.page(); !strings.Contains(page, "not yet: it is on the daemon") {
		t.Errorf("the page does not say that it is not archived:\n%s", page)
	}
	i.stop()
	if err := os.Symlink(helper.File(t), link); err != nil {
		t.Fatal(err)
	}
	i.start()
	i.await("the incident to be archived", func() error {
		if inc := i.incident(); !inc.InArchive() {
			st, err := i.web.Status(t.Context())
			return fmt.Errorf("%+v, %+v, %v", inc.Archived, st.Archive, err)
		}
		return nil
	})
	inc := i.incident()
	dir, ok := strings.CutPrefix(inc.Archived.Where, "file://")
	if found := audit.Check(dir); !ok || found.Digest != i.sealed.EvidenceDigest || len(found.Problems) > 0 || found.Files+1 != inc.Archived.Files {
		t.Errorf("%+v: %+v", inc.Archived, found)
	}
	i.await("status to be quiet", func() error {
		st, err := i.web.Status(t.Context())
		if err != nil || st.Archive.Says() != "" {
			return fmt.Errorf("%+v, %v", st.Archive, err)
		}
		return nil
	})
	if c := i.check(); c.State != view.CheckOK {
		t.Errorf("doctor says %+v", c)
	}
	if page := i.page(); !strings.Contains(page, inc.Archived.Where) || strings.Contains(page, "not yet: it is on the daemon") {
		t.Errorf("the page does not say where it is archived:\n%s", page)
	}
	if left, err := os.ReadDir(at); err != nil || len(left) > 2 { // the incident, and the folder of test objects
		t.Errorf("in the archive: %v, %v", left, err)
	}
}

// A folder that is not there is not made: where a disk is not mounted, that would be on this machine.
func TestAFolderIsNotMade(t *testing.T) {
	at := filepath.Join(t.TempDir(), "not-mounted")
	p := keeper.Program{Path: helper.File(t), Within: time.Minute}
	if a, err := p.Do(t.Context(), keeper.Request{Task: keeper.Probe, Archive: "file://" + at}); err == nil {
		t.Errorf("%+v", a)
	}
	if _, err := os.Stat(at); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
}
