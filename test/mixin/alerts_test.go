package mixin

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/test/servers"
)

// alertRule is one alert of the file.
type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (all []alertRule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alertRule } }
	load(t, "alerts.yml", &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("only %d alerts found", len(all))
	}
	return all
}

func load(t *testing.T, name string, to any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err == nil {
		err = yaml.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPromtoolAcceptsTheAlerts(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")
	promtool(t, "test", "rules", "alerts.test.yml")
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), servers.Promtool(t), args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "SUCCESS") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// expected is what the file for promtool says of an alert: when it is silent, and with which labels it fires.
type expected struct {
	Name  string
	Tests []struct {
		Expr    string
		Samples []struct{ Labels string } `yaml:"exp_samples"`
	} `yaml:"promql_expr_test"`
}

// Each alert is seen to be silent and to fire, pages or not, and names in its texts only labels
// that it has.
func TestEveryAlertIsTested(t *testing.T) {
	var file struct{ Tests []expected }
	load(t, "alerts.test.yml", &file)
	fired := map[string]labels.Labels{}
	for _, e := range file.Tests {
		fired[e.Name] = e.firing(t)
	}
	for _, a := range alerts(t) {
		ls, ok := fired[a.Alert]
		if !ok {
			t.Errorf("%s has no test", a.Alert)
		}
		if s := a.Labels["severity"]; s != "page" && s != "ticket" || a.Labels["autorollback"] != "" {
			t.Errorf("%s has the labels %v", a.Alert, a.Labels)
		}
		for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(a.Annotations["summary"]+a.Annotations["description"], -1) {
			if !ls.Has(m[1]) {
				t.Errorf("%s speaks of its label %s, and has %s", a.Alert, m[1], ls)
			}
		}
		if a.Annotations["summary"] == "" {
			t.Errorf("%s has no summary", a.Alert)
		}
	}
}

// firing are the labels of the alert of that name when it fires.
func (e expected) firing(t *testing.T) labels.Labels {
	t.Helper()
	if len(e.Tests) != 2 || len(e.Tests[0].Samples) != 0 || len(e.Tests[1].Samples) != 1 || e.Tests[0].Expr != e.Tests[1].Expr {
		t.Fatalf("the test of %s is not: silent, then firing", e.Name)
	}
	ls, err := parser.NewParser(parser.Options{}).ParseMetric(e.Tests[1].Samples[0].Labels)
	if err != nil {
		t.Fatal(err)
	}
	if want := `ALERTS{alertname="` + e.Name + `",alertstate="firing"}`; e.Tests[1].Expr != want || ls.Get("alertname") != e.Name {
		t.Fatalf("the test of %s asks %s for %s", e.Name, e.Tests[1].Expr, ls)
	}
	return ls
}
