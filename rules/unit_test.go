package rules_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
	"github.com/autorollback/autorollback/test/servers"
)

// unitRunbooks are those whose generated tests of errors the real promtool runs here;
// the others take minutes: autorollback rules test.
func unitRunbooks(t *testing.T) map[string]*runbook.Runbook {
	t.Helper()
	out := map[string]*runbook.Runbook{}
	canary, err := templates.New("canary", "my-service")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"canary": canary, "demo": gameday.DemoRunbook} {
		rb, err := runbook.Parse(name+".yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = rb
	}
	return out
}

func TestPromtoolRunsTheGeneratedTests(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	promtool := servers.Promtool(t)
	for name, rb := range unitRunbooks(t) {
		t.Run(name, func(t *testing.T) {
			g, err := rules.Compile(rb)
			if err != nil {
				t.Fatal(err)
			}
			text, err := rules.Marshal([]rules.Group{g})
			if err != nil {
				t.Fatal(err)
			}
			suite, err := rules.UnitTests(rb)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := len(suite.Triggers()), len(rb.Triggers); got != want {
				t.Errorf("%d of %d triggers have tests: %v", got, want, suite.Untested)
			}
			for _, u := range suite.Untested {
				t.Logf("not tested: %s: %s", u.Trigger, u.Why)
			}
			tests, err := rules.MarshalTests([]string{"rules.yml"}, suite)
			if err != nil {
				t.Fatal(err)
			}
			if err := unitRun(t, promtool, text, tests, "error-rate|users-see-errors"); err != nil {
				t.Error(err)
			}
			changed := bytes.ReplaceAll(text, []byte("> 0.05\n"), []byte("> 0.0505\n"))
			if err := unitRun(t, promtool, changed, tests, "error-rate: fires closely above"); err == nil || bytes.Equal(text, changed) {
				t.Error("a threshold one percent higher passes the tests")
			}
		})
	}
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
