package rules_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// unitRunbooks are the templates, the examples and some of other triggers. Two templates
// have the same rules.
func unitRunbooks(t *testing.T) map[string]*runbook.Runbook {
	t.Helper()
	out := map[string]*runbook.Runbook{}
	for _, pattern := range []string{"../runbook-templates/*.yaml", "../examples/runbooks/*.yaml", "testdata/mean.yaml", "testdata/unit/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, p := range paths {
			rb, err := runbook.Load(p)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(p)] = rb
		}
	}
	return out
}

// promtoolSteps is how long a scene may be that promtool plays in make test; it plays
// all of them in make mutants.
const promtoolSteps = 20

func TestPromtoolRunsTheGeneratedTestsOfEveryTemplate(t *testing.T) {
	if testing.Short() || rules.Raced {
		t.Skip("bulk: runs without the race detector")
	}
	promtool := servers.Promtool(t)
	played := map[string]string{} // rules but for their digest, by the file's name
	for _, name := range slices.Sorted(maps.Keys(unitRunbooks(t))) {
		rb := unitRunbooks(t)[name]
		text, tests := unitFiles(t, rb, promtoolSteps)
		if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", "--lint=all", "--lint-fatal", unitWrite(t, "rules.yml", text)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		same := strings.ReplaceAll(string(text)+string(tests), rb.Digest, "")
		if other, have := played[same]; have {
			t.Logf("%s: as %s", name, other)
			continue
		}
		played[same] = name
		if err := unitRun(t, promtool, text, tests, ".*"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAChangedThresholdFailsTheGeneratedTests(t *testing.T) {
	text, tests := unitFiles(t, unitRunbooks(t)["canary.yaml"], 150)
	changed := bytes.ReplaceAll(text, []byte(" 0.05\n"), []byte(" 0.0505\n"))
	if err := unitRun(t, servers.Promtool(t), changed, tests, "error-rate: fires closely"); err == nil || bytes.Equal(text, changed) {
		t.Error("a threshold one percent higher passes the tests")
	}
}

// unitFiles are the generated rules and tests of a runbook, of scenes of at most so many
// steps.
func unitFiles(t *testing.T, rb *runbook.Runbook, steps int) (text, tests []byte) {
	t.Helper()
	g, err := rules.Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = rules.Marshal([]rules.Group{g}); err != nil {
		t.Fatal(err)
	}
	suite, err := rules.UnitTests(rb)
	if err != nil {
		t.Fatal(err)
	}
	if tests, err = rules.MarshalTests([]string{"rules.yml"}, suite.Within(steps)); err != nil {
		t.Fatal(err)
	}
	return text, tests
}

func unitWrite(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unitRun runs the tests whose names match.
func unitRun(t *testing.T, promtool string, text, tests []byte, match string) error {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string][]byte{"rules.yml": text, "tests.yml": tests} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", "--run", match, filepath.Join(dir, "tests.yml")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func TestGeneratedTestsAreAlwaysTheSame(t *testing.T) {
	if rules.Raced {
		t.Skip("bulk: runs without the race detector")
	}
	for name, rb := range unitRunbooks(t) {
		var texts [2][]byte
		for i := range texts {
			suite, err := rules.UnitTests(rb)
			if err != nil {
				t.Fatal(err)
			}
			if texts[i], err = rules.MarshalTests([]string{"rules.yml"}, suite); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(texts[0], texts[1]) {
			t.Errorf("%s: two runs differ", name)
		}
	}
}
