package rules

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/golden"
	"github.com/autorollback/autorollback/test/sim"
)

// example has one trigger of each type; its text is frozen here, because the digest in
// the golden file is that of the runbook.
func example(t *testing.T) *runbook.Runbook {
	t.Helper()
	rb, err := runbook.Load(filepath.Join("testdata", "canary.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

func compiled(t testing.TB, rbs ...*runbook.Runbook) []Group {
	t.Helper()
	var out []Group
	for _, rb := range rbs {
		g, err := Compile(rb)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

func marshalled(t testing.TB, groups []Group) []byte {
	t.Helper()
	text, err := Marshal(groups)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestGoldenRules(t *testing.T) {
	for name, path := range map[string]string{
		"canary": "testdata/canary.yaml", "mean": "testdata/mean.yaml", "limits": "testdata/unit/limits.yaml", "threshold": "testdata/unit/threshold.yaml",
		"vocabulary": "../runbook/testdata/good/vocabulary.yaml", "regions": "../runbook/testdata/good/regions.yaml", "track": "../runbook/testdata/good/track.yaml",
		"istio": "../runbook/testdata/good/istio.yaml", "triton": "../runbook/testdata/good/triton.yaml", "vllm": "../runbook/testdata/good/vllm.yaml",
		"utf8": "../runbook/testdata/good/utf8.yaml", "join": "../runbook/testdata/good/join.yaml", "empty-track": "../runbook/testdata/good/empty-track.yaml", "router": "../runbook/testdata/good/router.yaml",
	} {
		rb, err := runbook.Load(filepath.FromSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, name+".rules.yml", marshalled(t, compiled(t, rb)))
	}
}

// A page that a newcomer reads in five minutes; and every template is that page.
func TestTheRulesOfATemplateAreOnePage(t *testing.T) {
	paths, err := filepath.Glob("../runbook-templates/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no templates", err)
	}
	page, err := os.ReadFile(filepath.Join("testdata", "canary.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if most := 12 << 10; len(page) > most {
		t.Errorf("%d bytes, want %d at most", len(page), most)
	}
	plain := func(text []byte, digest string) string { return strings.ReplaceAll(string(text), digest, "") }
	want := plain(page, example(t).Digest)
	for _, path := range paths {
		rb, err := runbook.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := plain(marshalled(t, compiled(t, rb)), rb.Digest); got != want {
			t.Errorf("%s has other rules than testdata/canary.rules.yml", path)
		}
	}
}

// What is written for people is, to Prometheus, what is compared.
func TestPrettyIsTheSameExpression(t *testing.T) {
	for _, rb := range []*runbook.Runbook{example(t), whole(), sim.Shop()} {
		for _, r := range compiled(t, rb)[0].Rules {
			if canonical(r.Expr.Pretty()) != r.Expr.String() || canonical(r.Expr.String()) != r.Expr.String() {
				t.Errorf("%s is written as %s", r.Expr, r.Expr.Pretty())
			}
		}
	}
}

func TestGoldenRoute(t *testing.T) {
	text, err := Route("https://autorollback.example.com:8443/v1/alertmanager", "/etc/alertmanager/autorollback.token")
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "alertmanager.yml", text)
}

func TestRouteRefusesWhatAlertmanagerCannotCall(t *testing.T) {
	for _, url := range []string{"", "autorollback:8443", "ftp://x/", "/v1", "https://x/{{ .CommonLabels.x }}"} {
		if text, err := Route(url, "token"); err == nil {
			t.Errorf("%q: %s", url, text)
		}
	}
	if _, err := Route("https://x/", ""); err == nil {
		t.Error("no token file is accepted")
	}
}

func TestMarshalIsDeterministicWhateverTheOrder(t *testing.T) {
	groups := compiled(t, ranker("ranker"), ranker("ads"), example(t))
	first := marshalled(t, groups)
	slices.Reverse(groups)
	if !bytes.Equal(first, marshalled(t, groups)) {
		t.Error("the order of runbooks changes the file")
	}
	if _, err := Marshal(append(groups, groups[0])); err == nil {
		t.Error("two groups of one name are accepted")
	}
}

func TestEachTriggerIsExactlyOneAlert(t *testing.T) {
	rb := ranker("ranker")
	alerts := map[string]int{}
	for _, r := range compiled(t, rb)[0].Rules {
		if (r.Record == "") == (r.Alert == "") {
			t.Errorf("rule %+v is not one of recording rule and alert", r)
		}
		if r.For != 0 { // none of these must last
			t.Errorf("%s has a for", r.Alert)
		}
		if r.Alert != "" {
			alerts[r.Labels["trigger"]]++
		}
		for _, l := range []string{"version", "release", "digest"} {
			if _, has := r.Labels[l]; has {
				t.Errorf("%s carries the label %s", r.name(), l)
			}
		}
	}
	for _, tr := range rb.Triggers {
		if alerts[tr.Name] != 1 {
			t.Errorf("trigger %s has %d alerts", tr.Name, alerts[tr.Name])
		}
	}
	if alerts[BlindTrigger] != 1 || len(alerts) != len(rb.Triggers)+1 {
		t.Errorf("alerts: %v", alerts)
	}
}

// What is said of alerts without compiling them is what they are.
func TestAlertLabelsAreThoseOfTheAlerts(t *testing.T) {
	rb := ranker("ranker")
	g, err := Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	told := AlertLabels(rb)
	for _, r := range g.Rules {
		if r.Alert == "" {
			continue
		}
		want := maps.Clone(r.Labels)
		want["alertname"], want["service"] = r.Alert, "ranker"
		if len(told) == 0 || !maps.Equal(told[0], want) {
			t.Fatalf("told %v, and the next alert has %v", told, want)
		}
		told = told[1:]
	}
	if len(told) > 0 {
		t.Errorf("there are no alerts with %v", told)
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*runbook.Runbook){
		"matchers that break out": func(rb *runbook.Runbook) { rb.Metrics.Selector = `job="x"} or up{job="y"` },
		"errors that break out":   func(rb *runbook.Runbook) { rb.Metrics.Requests.Errors = `code="5"}[5m]) or vector(1` },
		"matchers with a name":    func(rb *runbook.Runbook) { rb.Metrics.Selector = `__name__="up"` },
		"a metric that is none":   func(rb *runbook.Runbook) { rb.Metrics.Requests.Counter = "a or b" },
		"a label that is none":    func(rb *runbook.Runbook) { rb.Metrics.PodLabel = "a)b" },
		"a reserved trigger name": func(rb *runbook.Runbook) { rb.Triggers[0].Name = BlindTrigger },
		"the doctor's name":       func(rb *runbook.Runbook) { rb.Triggers[0].Name = DoctorTrigger },
		"two triggers of a name":  func(rb *runbook.Runbook) { rb.Triggers[0].Name = rb.Triggers[1].Name },
		"latency without one":     func(rb *runbook.Runbook) { rb.Metrics.Latency = nil },
		"an undeclared kpi":       func(rb *runbook.Runbook) { rb.Triggers[2].KPI = "revenue" },
		"no interval":             func(rb *runbook.Runbook) { rb.Metrics.Interval = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			rb := ranker("ranker")
			spoil(rb)
			if g, err := Compile(rb); err == nil {
				t.Errorf("compiles to %d rules", len(g.Rules))
			}
			if _, err := Ask(rb); err == nil {
				t.Error("can be asked about")
			}
		})
	}
}
