package pipelines

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v3"
)

// blocks are the YAML blocks of a page.
var blocks = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// block is the page's YAML block that has a text.
func block(t *testing.T, has string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs/pipelines.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range blocks.FindAllSubmatch(page, -1) {
		if bytes.Contains(m[1], []byte(has)) {
			return string(m[1])
		}
	}
	t.Fatalf("docs/pipelines.md has no YAML block with %q", has)
	return ""
}

// lint checks a workflow as GitHub documents workflows, in a repository in which the action is.
func lint(t *testing.T, workflow string) []*actionlint.Error {
	t.Helper()
	f := folder{t: t, dir: t.TempDir()}
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	f.write("action.yml", string(text))
	f.write(".github/workflows/check.yml", workflow)
	f.must("git", "init", "-q")
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: f.dir})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.LintRepository(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The workflow of the page is one, and gives the action inputs that it has.
func TestWorkflowOfThePage(t *testing.T) {
	workflow := strings.Replace(block(t, "runs-on:"), "uses: autorollback/autorollback@main", "uses: ./", 1)
	if !strings.Contains(workflow, "uses: ./") {
		t.Fatalf("it does not use the action:\n%s", workflow)
	}
	for _, e := range lint(t, workflow) {
		t.Error(e)
	}
	wrong := strings.Replace(workflow, "runbooks: runbooks/", "runbook: runbooks/", 1)
	if found := lint(t, wrong); len(found) != 1 || !strings.Contains(found[0].Message, `input "runbook" is not defined`) {
		t.Errorf("an input that the action does not have is not seen: %v", found)
	}
}

// The action's steps are steps, and its expressions name what there is: they are checked as the job of a
// workflow with the same inputs, which is how GitHub documents a composite action.
func TestStepsOfTheAction(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range lint(t, asWorkflow(t, text)) {
		t.Error(e)
	}
	for name, wrong := range map[string][2]string{
		"an input":      {"inputs.rules-file", "inputs.rule-file"},
		"a context":     {"github.action_path", "github.action_folder"},
		"a step's key":  {"shell: bash", "shel: bash"},
		"an expression": {"${{ inputs.runbooks }}", "${{ inputs.runbooks"},
	} {
		if found := lint(t, asWorkflow(t, bytes.Replace(text, []byte(wrong[0]), []byte(wrong[1]), 1))); len(found) == 0 {
			t.Errorf("%s: %s is not seen", name, wrong[1])
		}
	}
}

// asWorkflow has the steps of the action in a job. Like GitHub, it takes no action without a name, a description,
// "using: composite" and a shell of every step that runs something.
func asWorkflow(t *testing.T, text []byte) string {
	t.Helper()
	var a struct {
		Name, Description string
		Inputs            map[string]map[string]any
		Runs              struct {
			Using string
			Steps []map[string]any
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&a); err != nil {
		t.Fatal(err)
	}
	if a.Name == "" || a.Description == "" || a.Runs.Using != "composite" {
		t.Errorf("the action is %q, %q, using %q", a.Name, a.Description, a.Runs.Using)
	}
	for _, input := range a.Inputs {
		input["type"] = "string"
	}
	workflow, err := yaml.Marshal(map[string]any{
		"on":   map[string]any{"workflow_call": map[string]any{"inputs": a.Inputs}},
		"jobs": map[string]any{"action": map[string]any{"runs-on": "ubuntu-latest", "steps": a.Runs.Steps}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(workflow)
}

// A step that runs something names its shell, which a job's step need not.
func TestStepsNameTheirShell(t *testing.T) {
	for _, s := range readAction(t).Runs.Steps {
		if (s.Run == "") == (s.Uses == "") || s.Run != "" && s.Shell != "bash" {
			t.Errorf("step %q runs %q, uses %q, shell %q", s.Name, s.Run, s.Uses, s.Shell)
		}
	}
}
