package rules_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// everyRunbook is each template, and one with each type of trigger, also with regions
// and with tracks.
func everyRunbook(t *testing.T) []*runbook.Runbook {
	t.Helper()
	paths, err := filepath.Glob("../runbook-templates/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no templates", err)
	}
	var out []*runbook.Runbook
	load := func(path, service string, change func(*runbook.Runbook)) {
		rb, err := runbook.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		rb.Service = service
		change(rb)
		out = append(out, rb)
	}
	for _, path := range paths {
		load(path, strings.TrimSuffix(filepath.Base(path), ".yaml"), func(*runbook.Runbook) {})
	}
	vocabulary := filepath.Join("..", "runbook", "testdata", "good", "vocabulary.yaml")
	load(vocabulary, "all", func(*runbook.Runbook) {})
	load(vocabulary, "shared", func(rb *runbook.Runbook) { rb.Metrics.Features.SharedRows = true })
	load(vocabulary, "regions", func(rb *runbook.Runbook) { rb.Regions, rb.Metrics.RegionLabel = []string{"eu", "us"}, "dc" })
	load(vocabulary, "regional", func(rb *runbook.Runbook) { rb.Regions, rb.Metrics.RegionLabel = []string{"eu", "us"}, "region" })
	load(vocabulary, "tracks", func(rb *runbook.Runbook) {
		rb.Metrics.VersionLabel, rb.Metrics.Track = "", &runbook.Track{Label: "track", Stable: "main", Candidate: "canary"}
	})
	return out
}

func TestPromtoolAcceptsTheWholeVocabulary(t *testing.T) {
	groups, err := rules.CompileAll(everyRunbook(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := rules.Marshal(groups)
	path := write(t, "rules.yml", text, err)
	out, err := exec.CommandContext(t.Context(), servers.Promtool(t), "check", "rules", "--lint=all", "--lint-fatal", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SUCCESS") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestOneAlertForEachTriggerOfTheVocabulary(t *testing.T) {
	for _, rb := range everyRunbook(t) {
		g, err := rules.Compile(rb)
		if err != nil {
			t.Fatal(err)
		}
		alerts := map[string]int{}
		for _, r := range g.Rules {
			if r.Alert != "" {
				alerts[r.Labels["trigger"]]++
			}
		}
		for _, tr := range rb.Triggers {
			if alerts[tr.Name] != 1 {
				t.Errorf("%s: trigger %s has %d alerts", rb.Service, tr.Name, alerts[tr.Name])
			}
		}
		if len(alerts) != len(rb.Triggers)+1 {
			t.Errorf("%s: alerts %v", rb.Service, alerts)
		}
		if _, err := rules.Ask(rb); err != nil {
			t.Error(err)
		}
	}
}
