package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose is the file as Compose itself loads it, with every profile.
func compose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "deploy/compose/docker-compose.yml")}, cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != 7 {
		t.Fatalf("the file has %v", project.ServiceNames())
	}
	return project
}

// What the compose file mounts and builds is in the repository, and nothing is open to other machines.
func TestComposeFile(t *testing.T) {
	stages := regexp.MustCompile(`(?m)^FROM \S+ AS (\S+)$`).FindAllStringSubmatch(read(t, "Dockerfile"), -1)
	for name, s := range compose(t).Services {
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s mounts %s: %v", name, v.Source, err)
			}
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s at %q", name, p.Published, p.HostIP)
			}
		}
		if s.Build == nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(s.Build.Context, "Dockerfile")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		isTarget := func(stage []string) bool { return stage[1] == s.Build.Target }
		if s.Build.Target != "" && !slices.ContainsFunc(stages, isTarget) {
			t.Errorf("%s: the Dockerfile has no stage %s", name, s.Build.Target)
		}
	}
}

// differs are the flags whose values cannot be the README's: files are elsewhere, and who asks from outside the
// containers must be let in.
var differs = strings.Fields(`--runbooks --rules-file --alertmanager-file --receiver.token-file --evidence.path --approval.key-file
	--config.file --storage.path --storage.tsdb.path --web.listen-address --control --runbook --targets`)

// Each container starts as the README starts the same program. A test runs the README's commands.
func TestComposeStartsWhatTheReadmeDoes(t *testing.T) {
	_, walk, _ := strings.Cut(read(t, "README.md"), "\n## Getting started\n")
	walk, _, _ = strings.Cut(walk, "\n## ")
	begins := map[string]string{
		"consul": "consul agent", "service": "bin/service", "rules": "bin/autorollback rules generate", "autorollback": "bin/autorollback serve",
		"alertmanager": "alertmanager", "prometheus": "prometheus", "release": "bin/autorollback release start",
	}
	project := compose(t)
	for name, begin := range begins {
		line := regexp.MustCompile(`(?m)^` + begin + ` (-.*|examples.*)$`).FindStringSubmatch(walk)
		if line == nil {
			t.Errorf("the README never starts %q", begin)
			continue
		}
		command, _, _ := strings.Cut(line[1], " >")
		want, got := flags(strings.Fields(command)), flags(project.Services[name].Command)
		for _, flag := range differs {
			if _, ok := got[flag]; ok && flag != "--runbook" && flag != "--targets" { // these have defaults that are the README's
				if _, ok := want[flag]; !ok {
					t.Errorf("%s: the README has no %s", name, flag)
				}
			}
			delete(want, flag)
			delete(got, flag)
		}
		if !maps.Equal(want, got) || len(project.Services[name].Command) == 0 {
			t.Errorf("%s:\n%v, the README\n%v", name, got, want)
		}
	}
	if len(begins) != len(project.Services) {
		t.Errorf("%v are not all of %v", begins, project.ServiceNames())
	}
}

// flags are those of a command, with their values.
func flags(command []string) map[string]string {
	all := map[string]string{}
	for _, word := range command {
		if name, value, _ := strings.Cut(word, "="); strings.HasPrefix(name, "-") {
			all[name] = value
		}
	}
	return all
}

// Every address and file that Prometheus' configuration names is one that a container offers.
func TestPrometheusFindsWhatItNames(t *testing.T) {
	project := compose(t)
	all := ""
	for _, s := range project.Services {
		all += strings.Join(s.Command, " ") + " "
		if s.NetworkMode != "service:consul" && s.Name != "consul" {
			t.Errorf("%s has a network of its own: 127.0.0.1 is not the others'", s.Name)
		}
	}
	named := regexp.MustCompile(`127\.0\.0\.1(:\d+)|[\w.]+\.(?:json|rules\.yml)`).FindAllStringSubmatch(read(t, "examples/prometheus.yml"), -1)
	if len(named) < 4 {
		t.Fatalf("found %v only", named)
	}
	for _, m := range named {
		want := m[0]
		if m[1] != "" {
			want = m[1]
		}
		if !strings.Contains(all, "="+want+" ") {
			t.Errorf("examples/prometheus.yml names %s, which no container offers", m[0])
		}
	}
}
