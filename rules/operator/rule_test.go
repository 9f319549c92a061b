package operator

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	v1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/golden"
)

var meta = Meta{Name: "ranking", Labels: map[string]string{"release": "kube-prometheus-stack", "app.kubernetes.io/part-of": "autorollback"}}

func groups(t *testing.T, paths ...string) (all []rules.Group) {
	t.Helper()
	for _, path := range paths {
		rb, err := runbook.Load(filepath.FromSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		g, err := rules.Compile(rb)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	return all
}

// decode reads a manifest as strictly as the API server: a field that the operator's type does
// not have is an error.
func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

func TestGoldenPrometheusRule(t *testing.T) {
	text, err := PrometheusRule(groups(t, "../testdata/unit/limits.yaml"), meta)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "limits.prometheusrule.yaml", text)
}

// The operator writes the groups of the resource, as its types hold them, into Prometheus' rule
// file: that file is one to one with the runbooks.
func TestTheOperatorReadsTheRulesOfTheRunbooks(t *testing.T) {
	for name, groups := range map[string][]rules.Group{
		"several": groups(t, "../testdata/canary.yaml", "../testdata/unit/limits.yaml", "../../runbook/testdata/good/vocabulary.yaml"),
		"utf8":    groups(t, "../../runbook/testdata/good/utf8.yaml"), "none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			text, err := PrometheusRule(groups, meta)
			if err != nil {
				t.Fatal(err)
			}
			var rule v1.PrometheusRule
			decode(t, text, &rule)
			if rule.Kind != v1.PrometheusRuleKind || rule.APIVersion != "monitoring.coreos.com/"+v1.Version || rule.Name != meta.Name || rule.Labels["release"] != "kube-prometheus-stack" {
				t.Errorf("it is %s %s %s %v", rule.APIVersion, rule.Kind, rule.Name, rule.Labels)
			}
			file, err := json.Marshal(rule.Spec)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range rules.Verify(groups, [][]byte{file}) {
				t.Error(d)
			}
		})
	}
}

func TestWhatTheAPIServerRefusesIsRefused(t *testing.T) {
	for name, m := range map[string]Meta{
		"no name": {}, "upper case": {Name: "Ranking"}, "a name in YAML": {Name: "a\nspec: {}"}, "a slash": {Name: "a/b"},
		"a label with a space": {Name: "a", Labels: map[string]string{"a b": ""}}, "a value with a colon": {Name: "a", Labels: map[string]string{"a": "b: c"}},
	} {
		if text, err := PrometheusRule(nil, m); err == nil {
			t.Errorf("%s: %s", name, text)
		}
		if text, err := AlertmanagerConfig("http://x/", "a/b", m); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}
