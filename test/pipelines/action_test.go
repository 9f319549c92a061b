package pipelines

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// An action is what GitHub reads of a composite action.
type action struct {
	Name, Description string
	Inputs            map[string]struct{ Description, Default string }
	Runs              struct {
		Using string
		Steps []actionStep
	}
}

type actionStep struct {
	Name, Uses, Shell, Run string
	With, Env              map[string]string
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// A job runs the action in a team's repository as GitHub's runner does: every step with bash, inputs by
// expressions, and what a step writes into the file of GITHUB_PATH in front of the PATH of the next.
type job struct {
	folder
	action
	with map[string]string
	temp string // the folder of RUNNER_TEMP; jobs that share one build the program once
	path string // the file of GITHUB_PATH
}

var expression = regexp.MustCompile(`\$\{\{ *(\S+) *}}`)

func (j job) expand(text string) string {
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		name := expression.FindStringSubmatch(e)[1]
		if name == "github.action_path" {
			source, err := filepath.Abs(root)
			if err != nil {
				j.t.Fatal(err)
			}
			return source
		}
		input, ok := j.Inputs[strings.TrimPrefix(name, "inputs.")]
		if !ok {
			j.t.Fatalf("%s is neither an input nor known here", e)
		}
		if given, ok := j.with[strings.TrimPrefix(name, "inputs.")]; ok {
			return given
		}
		return input.Default
	})
}

// run runs the steps until one fails: its name, what it printed and its exit code.
func (j job) run() (failed, out string, code int) {
	j.t.Helper()
	for _, s := range j.Runs.Steps {
		if s.Uses != "" {
			continue
		}
		if out, code = j.step(s); code != 0 {
			return s.Name, out, code
		}
	}
	return "", out, 0
}

func (j job) step(s actionStep) (string, int) {
	j.t.Helper()
	script := filepath.Join(filepath.Dir(j.path), "script")
	if err := os.WriteFile(script, []byte(j.expand(s.Run)), 0o600); err != nil {
		j.t.Fatal(err)
	}
	added, err := os.ReadFile(j.path)
	if err != nil && !os.IsNotExist(err) {
		j.t.Fatal(err)
	}
	path := append(strings.Fields(string(added)), os.Getenv("PATH"))
	f := folder{t: j.t, dir: j.dir, env: []string{"PATH=" + strings.Join(path, ":"), "GITHUB_PATH=" + j.path, "RUNNER_TEMP=" + j.temp}}
	for name, value := range s.Env {
		f.env = append(f.env, name+"="+j.expand(value))
	}
	return f.run(s.Shell, "--noprofile", "--norc", "-eo", "pipefail", script)
}

func TestActionChecksRunbooksAndRules(t *testing.T) {
	const check, compare = "Check the runbooks", "Compare the rules with the runbooks"
	a, temp := readAction(t), t.TempDir()
	operator := map[string]string{"rules-file": "rules.yaml", "generate-flags": "--form=operator --resource-label=release=prod"}
	for name, c := range map[string]struct {
		change       func(f folder)
		with         map[string]string
		failed, says string
		code         int
	}{
		"all is well":          {says: "as the runbooks make it"},
		"edited rules":         {func(f folder) { f.edit("autorollback.rules.yml", "0.05", "0.5") }, nil, compare, "1 file to fix", 3},
		"no rules":             {nil, map[string]string{"rules-file": "other.yml"}, compare, "other.yml: is not there", 3},
		"the template's":       {edited("#ranking-oncall", "#my-team-oncall"), nil, check, "owner.contact", 3},
		"an unknown key":       {edited("triggers:", "trigers:"), nil, check, "trigers: unknown key", 3},
		"no runbooks":          {nil, map[string]string{"runbooks": "nowhere/"}, check, "nowhere", 1},
		"a flag as a folder":   {nil, map[string]string{"runbooks": "--help"}, check, "--help", 1},
		"a command as a name":  {nil, map[string]string{"rules-file": `"; touch owned; "$(touch owned)`}, compare, "is not there", 3},
		"a command as flags":   {nil, map[string]string{"generate-flags": "; touch owned $(touch owned)"}, compare, "", 1},
		"operator: not made":   {nil, operator, compare, "rules.yaml: is not there", 3},
		"operator: as it must": {makeResource, operator, "", "rules.yaml: as the runbooks make it", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newService(t)
			if c.change != nil {
				c.change(f)
			}
			failed, out, code := job{f, a, c.with, temp, filepath.Join(t.TempDir(), "path")}.run()
			if failed != c.failed || code != c.code || !strings.Contains(out, c.says) {
				t.Errorf("step %q ended with %d, want %q, %d and %q in\n%s", failed, code, c.failed, c.code, c.says, out)
			}
			if _, err := os.Stat(filepath.Join(f.dir, "owned")); err == nil {
				t.Error("an input was run as a command")
			}
		})
	}
}

func edited(from, to string) func(folder) {
	return func(f folder) { f.edit("runbooks/ranker.yaml", from, to) }
}

func makeResource(f folder) {
	f.must(build.File(f.t), "rules", "generate", "runbooks/", "--form=operator", "--resource-label=release=prod", "--rules-file=rules.yaml")
}
