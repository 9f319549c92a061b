package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What docs/operations.md says of exit codes.
const (
	exitOK      = 0
	exitWanting = 3
	exitUnclear = 5
)

// After a rollback the journal and the evidence are held against what the store and the messages have.
// Somebody then writes the evidence anew with its manifest, and cuts the journal by a line while the
// daemon is down: both are found, and people are paged.
func TestTheTrailHolds(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "journal.key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := start(t, options{args: []string{"--journal.signing-key-file=" + key}})
	s.breakCandidate()
	inc := s.incident("a closed incident", 120*time.Second, settled)
	d := s.daemons[0]
	dir := filepath.Join(s.dir, "evidence-"+d.name)
	journal, home, url := filepath.Join(dir, "journal.jsonl"), filepath.Join(dir, inc.ID), "--url=http://"+d.web

	s.await("the journal to be anchored", 30*time.Second, func() error {
		return s.exits(exitOK, "anchored up to line", "audit", "verify", journal, url, "--key="+key+".pub")
	})
	var verdict, digest string
	s.await("the messages with a head and with the digest", 30*time.Second, func() (err error) {
		if verdict, err = s.note("verdict", "journal"); err == nil {
			digest, err = s.note("evidence", "description")
		}
		return err
	})
	head := strings.TrimPrefix(verdict, d.name+" ")
	_, digest, _ = strings.Cut(digest, "Manifest: ")
	digest, _, _ = strings.Cut(digest, "\n")
	nobody := "--url=http://127.0.0.1:1"
	for _, err := range []error{
		s.exits(exitOK, "by: --head", "audit", "verify", journal, nobody, "--head="+head),
		s.exits(exitUnclear, "is not anchored", "audit", "verify", journal, nobody),
		s.exits(exitOK, "is as it was sealed, says --digest and the store", "incident", "check", home, url, "--digest="+digest),
		s.exits(exitUnclear, "is not anchored", "incident", "check", home, nobody),
	} {
		if err != nil {
			t.Error(err)
		}
	}

	s.forgePage(home)
	d.stop(syscall.SIGTERM)
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	cut := text[:bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n')+1]
	if err := os.WriteFile(journal, cut, 0o640); err != nil {
		t.Fatal(err)
	}
	d.start()
	s.await("the page", 60*time.Second, func() error { return s.alerted("journal_altered") })
	for _, err := range []error{
		s.exits(exitWanting, "found to be lost at", "audit", "verify", journal, url),
		s.exits(exitWanting, "the store has "+digest, "incident", "check", home, url),
		s.exits(exitWanting, "--digest has "+digest, "incident", "check", home, nobody, "--digest="+digest),
		s.exits(exitOK, "the journal of "+d.name+" was truncated or rewritten", "release", "status", url),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// exits runs the program, which must end with a code and say something.
func (s *stack) exits(code int, says string, args ...string) error {
	bin := built.File(s.t)
	cmd := exec.CommandContext(s.t.Context(), bin, args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if cmd.ProcessState.ExitCode() != code || !strings.Contains(string(out), says) {
		return fmt.Errorf("%s: code %d, want %d and %q: %s", strings.Join(args[:2], " "), cmd.ProcessState.ExitCode(), code, says, out)
	}
	return nil
}

// note is an annotation of the message of a kind.
func (s *stack) note(kind, annotation string) (string, error) {
	all, err := s.posts()
	if err != nil {
		return "", err
	}
	for _, m := range all {
		if m.Labels["kind"] == kind && m.Annotations[annotation] != "" {
			return m.Annotations[annotation], nil
		}
	}
	return "", fmt.Errorf("no message %s with %s", kind, annotation)
}

// forgePage writes a page anew, and its hash into the manifest.
func (s *stack) forgePage(home string) {
	s.t.Helper()
	page, manifest := filepath.Join(home, "incident.md"), filepath.Join(home, "MANIFEST.sha256")
	old, err := os.ReadFile(page)
	sums, errSums := os.ReadFile(manifest)
	hash := func(text []byte) []byte { return fmt.Appendf(nil, "%x", sha256.Sum256(text)) }
	forged := []byte("# All was well\n")
	sums = bytes.ReplaceAll(sums, hash(old), hash(forged))
	err = errors.Join(err, errSums, os.Chmod(page, 0o644), os.WriteFile(page, forged, 0o644), os.Chmod(manifest, 0o644), os.WriteFile(manifest, sums, 0o644))
	if err != nil {
		s.t.Fatal(err)
	}
}
