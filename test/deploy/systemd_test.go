package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// systemd finds no mistake in the unit, and rates its exposure below 2 of 10.
func TestUnit(t *testing.T) {
	unit := unitHere(t, read(t, "deploy/systemd/autorollback.service"))
	if out, err := analyze(t, "verify", "--man=no", unit); err != nil || out != "" {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := analyze(t, "security", "--no-pager", "--offline=true", "--threshold=20", unit); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

// The same two find a directive that is not there, and a unit without its hardening.
func TestUnitMistakesAreFound(t *testing.T) {
	text := read(t, "deploy/systemd/autorollback.service")
	misspelt := unitHere(t, strings.Replace(text, "ProtectSystem=", "ProtectSytem=", 1))
	if out, _ := analyze(t, "verify", "--man=no", misspelt); !strings.Contains(out, "ProtectSytem") {
		t.Errorf("verify says %q of a misspelt directive", out)
	}
	before, _, _ := strings.Cut(text, "CapabilityBoundingSet=")
	if out, err := analyze(t, "security", "--no-pager", "--offline=true", "--threshold=20", unitHere(t, before)); err == nil {
		t.Errorf("a unit without hardening passes:\n%s", out)
	}
}

// unitHere is the unit in a folder of its own; its program is one that is on this machine.
func unitHere(t *testing.T, text string) string {
	t.Helper()
	const program = "/usr/local/bin/autorollback"
	if !strings.Contains(text, program) {
		t.Fatalf("the unit does not start %s", program)
	}
	file := filepath.Join(t.TempDir(), "autorollback.service")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, program, "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatalf("systemd-analyze, which test/needs installs: %v", err)
	}
	return string(out), err
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
