package pipelines

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

const root = "../.."

var build = servers.Daemon()

func TestMain(m *testing.M) {
	code := m.Run()
	build.Remove()
	os.Exit(code)
}

// A folder is a team's repository.
type folder struct {
	t   *testing.T
	dir string
	env []string // beyond our own
}

// run runs a program there, and returns what it printed and its exit code.
func (f folder) run(name string, args ...string) (string, int) {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), name, args...)
	cmd.Dir, cmd.Env = f.dir, append(os.Environ(), f.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		f.t.Fatalf("%s: %v", name, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// must runs what has to work.
func (f folder) must(name string, args ...string) string {
	f.t.Helper()
	out, code := f.run(name, args...)
	if code != 0 {
		f.t.Fatalf("%s %s: exit code %d\n%s", name, strings.Join(args, " "), code, out)
	}
	return out
}

func (f folder) read(name string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

func (f folder) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// edit replaces a text that is there.
func (f folder) edit(name, from, to string) {
	f.t.Helper()
	before := f.read(name)
	if !strings.Contains(before, from) {
		f.t.Fatalf("%s has no %q:\n%s", name, from, before)
	}
	f.write(name, strings.ReplaceAll(before, from, to))
}

// fillIn writes what only the team knows.
func (f folder) fillIn(name string) {
	f.t.Helper()
	f.edit(name, "my-team", "ranking")
	f.edit(name, "+00 000 0000", "extension 7")
	f.edit(name, "tracker.example.com", "tracker.ranking.test")
}

// newService is the repository of a team with one runbook and its rules.
func newService(t *testing.T) folder {
	t.Helper()
	f := folder{t: t, dir: t.TempDir()}
	program := build.File(t)
	f.write("runbooks/ranker.yaml", f.must(program, "runbook", "new", "canary", "--service", "ranker"))
	f.fillIn("runbooks/ranker.yaml")
	f.must(program, "rules", "generate", "runbooks/", "--rules-file", "autorollback.rules.yml")
	return f
}
