package pipelines

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// A new user goes from an empty folder to rules that the pipeline holds together with the runbook.
func TestANewUsersWalk(t *testing.T) {
	const file, exitWanting = "runbooks/ranker.yaml", 3
	f, program := folder{t: t, dir: t.TempDir()}, build.File(t)
	f.write("runbooks/.gitkeep", "")
	f.must(program, "runbook", "new", "canary", "--service", "ranker", "--metrics", "istio", "-O", file)
	f.write("schemas/runbook.json", f.must(program, "runbook", "schema", "runbook"))

	if err := f.validate(file); err != nil {
		t.Errorf("an editor marks a new runbook: %v", err)
	}
	f.edit(file, "severity: severe", "severity: sever")
	if err := f.validate(file); err == nil {
		t.Error("an editor does not mark an unknown severity")
	}
	f.edit(file, "severity: sever", "severity: severe")

	out, code := f.run(program, "runbook", "check", "runbooks/")
	for _, want := range []string{"[ ] owner.contact", "[ ] owner.escalation", "[ ] evidence archived", "[ ] follow_up.tracker"} {
		if code != exitWanting || !strings.Contains(out, want) {
			t.Errorf("the template's contacts: exit code %d, want 3 and %q in\n%s", code, want, out)
		}
	}
	f.fillIn(file)
	if out := f.must(program, "runbook", "check", "runbooks/"); strings.Contains(out, "[ ]") {
		t.Errorf("an empty box is no mistake:\n%s", out)
	}

	generate := []string{"rules", "generate", "runbooks/", "--rules-file=autorollback.rules.yml"}
	check := append(generate, "--check")
	if out, code := f.run(program, check...); code != exitWanting || !strings.Contains(out, "is not there") {
		t.Errorf("no rules yet: exit code %d\n%s", code, out)
	}
	f.must(program, generate...)
	f.must(program, check...)
	f.edit(file, "above: 5%", "above: 7%")
	if out, code := f.run(program, check...); code != exitWanting || !strings.Contains(out, "autorollback.rules.yml:") {
		t.Errorf("a changed runbook: exit code %d\n%s", code, out)
	}
	f.must(program, generate...)
	f.must(program, check...)
}

var namesSchema = regexp.MustCompile(`(?m)^# yaml-language-server: \$schema=(.*)$`)

// validate does what an editor does: it reads the schema that the file names, by its path from the file.
func (f folder) validate(name string) error {
	f.t.Helper()
	text := f.read(name)
	named := namesSchema.FindStringSubmatch(text)
	if named == nil {
		f.t.Fatalf("%s names no schema", name)
	}
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(f.dir, filepath.Dir(name), named[1]))
	if err != nil {
		f.t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		f.t.Fatal(err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	if v, err = jsonschema.UnmarshalJSON(strings.NewReader(string(asJSON))); err != nil {
		f.t.Fatal(err)
	}
	return schema.Validate(v)
}
