package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/store"
)

// Consul is restored from a snapshot of before a rollback, and v2, which still fails, has traffic
// again. Both daemons notice it while they run, one that is started again does, and one that has
// lost its journal is told by the store: nobody writes for the release, the team is paged, and the
// command brings it in line, with an incident of its own beside the sealed one.
func TestConsulIsRestoredFromASnapshot(t *testing.T) {
	t.Parallel()
	s := start(t, options{daemons: 2})
	backup := s.consul.Snapshot()
	s.breakCandidate()
	first := s.incident("a closed incident", 120*time.Second, settled)
	s.await("every daemon's evidence to be sealed", 60*time.Second, func() error { return s.sealed(first) })
	sealed := s.folders(first)
	s.consul.Restore(backup)
	restored := time.Now()
	if split := s.weights(); split["ranker-v2"] == 0 {
		t.Fatalf("the split is %v after the restore: nothing to notice", split)
	}
	s.await("it to be noticed", 15*time.Second, func() error { return s.heldBack(s.daemons[0]) })
	t.Logf("noticed %s after the restore", time.Since(restored).Round(10*time.Millisecond))
	before := s.written()
	s.await("a page", 20*time.Second, func() error { return s.alerted(report.KindWentBack) })
	s.await("a page that v2 still fails", 60*time.Second, func() error { return s.alerted(report.KindBehindBreach) })
	s.daemons[0].stop(syscall.SIGKILL)
	s.daemons[0].start()
	s.daemons[1].stop(syscall.SIGTERM)
	if err := os.Remove(filepath.Join(s.dir, "evidence-"+s.daemons[1].name, "journal.jsonl")); err != nil {
		t.Fatal(err)
	}
	s.daemons[1].start()
	for _, d := range s.daemons {
		s.await(d.name+" to know it after its restart", 20*time.Second, func() error { return s.heldBack(d) })
		s.await(d.name+" to look at the release", 20*time.Second, func() error { return s.exports(d, `autorollback_store_behind{region="default",service="ranker"} 1`) })
	}
	if after := s.written(); !maps.Equal(after, before) {
		t.Errorf("written between the restore and the recovery: %v, was %v", after, before)
	}
	out, code := s.recover("--dry-run")
	if code != 3 || !strings.Contains(out, "rolled back again") || !strings.Contains(out, first.ID) || !strings.Contains(out, "in force again") {
		t.Errorf("exit code %d, and it says:\n%s", code, out)
	}
	if out, code := s.recover("--reason=the snapshot was too old"); code != 4 { // nobody typed the name
		t.Errorf("exit code %d without a yes:\n%s", code, out)
	}
	if out, code = s.recover("--yes", "--reason=the snapshot was too old"); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	second := s.incident("the next incident, drained", 60*time.Second, func(i record.Incident) bool { return !i.DrainedAt.IsZero() && i.ID != first.ID })
	if second.Epoch <= first.Epoch || second.By == "" {
		t.Errorf("incident %s of epoch %d by %q after %s of %d", second.ID, second.Epoch, second.By, first.ID, first.Epoch)
	}
	snap := s.snapshot()
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 100}) || len(snap.Under(store.QuarantineKey(""))) != 1 || len(snap.Under(store.Root+"behind/")) != 0 {
		t.Errorf("the split is %v, quarantines %v, held back %v", split, snap.Under(store.QuarantineKey("")), snap.Under(store.Root+"behind/"))
	}
	after := s.folders(first)
	maps.DeleteFunc(after, func(path, _ string) bool { // of a replica that sealed its own since
		folder, _, _ := strings.Cut(path, first.ID)
		return sealed[filepath.Join(folder, first.ID, "MANIFEST.sha256")] == ""
	})
	if !maps.Equal(after, sealed) {
		t.Errorf("the sealed folder of %s was changed: %v, was %v", first.ID, after, sealed)
	}
}

// heldBack asks a daemon whether the release is held back.
func (s *stack) heldBack(d *daemon) error {
	st, err := d.client().Status(s.t.Context())
	if err == nil && len(st.Behind) != 1 {
		err = fmt.Errorf("%d services are held back", len(st.Behind))
	}
	return err
}

func (s *stack) exports(d *daemon, line string) error {
	text, err := s.fetch(d.client().HTTP, "http://"+d.web+"/metrics")
	if err == nil && !strings.Contains(text, line) {
		err = errors.New("it does not export " + line)
	}
	return err
}

// written are the indexes of all that belongs to the release and its router.
func (s *stack) written() map[string]uint64 {
	all := map[string]uint64{}
	for _, en := range s.snapshot().Entries {
		for _, prefix := range []string{"routes/", "features/", store.Root + "release/", store.IncidentKey(""), store.ApprovalKey(""), store.QuarantineKey(""), store.BudgetKey} {
			if strings.HasPrefix(en.Key, prefix) {
				all[en.Key] = en.Index
			}
		}
	}
	return all
}

// sealed says that no replica's folder of an incident is complete yet; the other may have captured a part.
func (s *stack) sealed(inc record.Incident) error {
	if len(s.folders(inc)) == 0 {
		return errors.New("no folder is sealed")
	}
	return nil
}

// folders are the digests of what every daemon that sealed its folder of an incident keeps.
func (s *stack) folders(inc record.Incident) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, d := range s.daemons {
		dir := filepath.Join(s.dir, "evidence-"+d.name, inc.ID)
		if _, err := os.Stat(filepath.Join(dir, "MANIFEST.sha256")); err != nil {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			all[path] = fmt.Sprintf("%x", sha256.Sum256(text))
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Fatal(err)
		}
	}
	return all
}

// recover runs the command against the daemon that has no journal.
func (s *stack) recover(args ...string) (out string, code int) {
	s.t.Helper()
	bin := built.File(s.t)
	cmd := exec.CommandContext(s.t.Context(), bin, append([]string{"recover", "ranker", "--url=http://" + s.daemons[1].web}, args...)...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}
