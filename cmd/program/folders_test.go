package program

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// A file that a command writes need not have a folder yet, and a runbook is never overwritten.
func TestFoldersAreMade(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	write := []string{"runbook", "new", "canary", "--service=ranker", "-O", at("runbooks/prod/ranker.yaml")}
	generate := []string{"rules", "generate", at("runbooks/prod"), "--rules-file=" + at("prometheus/rules/ranker.yml"),
		"--tests=" + at("prometheus/tests/ranker.yml"), "--alertmanager-file=" + at("alertmanager/config.yml")}
	for range 2 { // what is made from runbooks may be made again
		_, _ = planned(t, write...)
		if got, code := planned(t, generate...); code != cli.ExitOK {
			t.Fatalf("exit %d: %s", code, got)
		}
	}
	for _, name := range []string{"runbooks/prod/ranker.yaml", "prometheus/rules/ranker.yml", "prometheus/tests/ranker.yml", "alertmanager/config.yml"} {
		if info, err := os.Stat(at(name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	mine := []byte("# mine\n")
	if err := os.WriteFile(at("runbooks/prod/ranker.yaml"), mine, 0o600); err != nil {
		t.Fatal(err)
	}
	got, code := planned(t, write...)
	kept, err := os.ReadFile(at("runbooks/prod/ranker.yaml"))
	if code != cli.ExitError || !strings.Contains(got, "file already exists") || err != nil || string(kept) != string(mine) {
		t.Errorf("exit %d: %s; the file is %q, %v", code, got, kept, err)
	}
}
