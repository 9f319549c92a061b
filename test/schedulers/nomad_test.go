package schedulers

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/nomad/api"
	"github.com/hashicorp/nomad/jobspec2"
)

const jobFile = root + "/deploy/nomad/autorollback.nomad.hcl"

func job(t *testing.T, text string) (*api.Job, error) {
	t.Helper()
	runbooks, err := filepath.Abs(root + "/examples/runbooks")
	if err != nil {
		t.Fatal(err)
	}
	return jobspec2.ParseWithConfig(&jobspec2.ParseConfig{Path: jobFile, Body: []byte(text), AllowFS: true, Strict: true,
		ArgVars: []string{"image=registry.example.com/autorollback:v0.0.0", "runbooks=" + runbooks}})
}

// Nomad's own parser takes the job, and each file that the daemon is told of is one that the job puts there.
func TestNomadJob(t *testing.T) {
	text, err := os.ReadFile(jobFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(hclwrite.Format(text)) != string(text) {
		t.Error("nomad fmt would write it otherwise")
	}
	j, err := job(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job(t, strings.Replace(string(text), "kill_timeout", "kil_timeout", 1)); err == nil {
		t.Error("a misspelt attribute is taken")
	}
	group := j.TaskGroups[0]
	task := group.Tasks[0]
	put := map[string]bool{}
	for _, tmpl := range task.Templates {
		put["/"+*tmpl.DestPath], put["/"+filepath.Dir(*tmpl.DestPath)] = true, true
	}
	var args []string
	for _, a := range task.Config["args"].([]any) {
		args = append(args, a.(string))
	}
	for _, arg := range args {
		if _, value, _ := strings.Cut(arg, "="); strings.HasPrefix(value, "/") && !put[value] {
			t.Errorf("%s: nothing is put there", arg)
		}
	}
	if !put["/local/runbooks/ranker.yaml"] {
		t.Errorf("the runbooks are not there: %v", put)
	}
	takesFlags(t, args)
	for _, s := range append(group.Services, task.Services...) {
		if !hasPort(group, s.PortLabel) {
			t.Errorf("service %s is at port %s, which the group has not", s.Name, s.PortLabel)
		}
	}
}

func hasPort(g *api.TaskGroup, label string) bool {
	for _, n := range g.Networks {
		for _, p := range append(n.ReservedPorts, n.DynamicPorts...) {
			if p.Label == label {
				return true
			}
		}
	}
	return false
}

var flagLine = regexp.MustCompile(`(?m)^ {2}--(?:\[no-\])?([a-z.-]+)`)

// takesFlags holds the daemon's arguments against the program's own help.
func takesFlags(t *testing.T, args []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/autorollback", "serve", "--help")
	cmd.Dir = root
	help, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, help)
	}
	known := map[string]bool{}
	for _, m := range flagLine.FindAllStringSubmatch(string(help), -1) {
		known[m[1]] = true
	}
	if len(args) < 5 || args[0] != "serve" {
		t.Errorf("it starts %v", args)
	}
	for _, arg := range args[1:] {
		name, _, valued := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !known[name] || !valued {
			t.Errorf("serve has no %s", arg)
		}
	}
}
