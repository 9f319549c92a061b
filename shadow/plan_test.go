package shadow

import (
	"reflect"
	"strings"
	"testing"
)

func TestPlanMistakesNameLineAndMend(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":         {"alpha: 1%\nalhpa: 2%", `p.yaml:2: alhpa: unknown key; did you mean "alpha"?`},
		"unknown inner key":   {"limits:\n  exces: 1%", `p.yaml:2: limits.exces: unknown key; did you mean "excess"?`},
		"comparison":          {"fields:\n  - path: a\n    compare: fuzzy", `p.yaml:3: fields[0].compare: "fuzzy" is no comparison; write one of tolerance, exact`},
		"no k":                {"fields:\n  - {path: a, compare: top_k}", "p.yaml:2: fields[0]: top_k needs k"},
		"k of another":        {"fields:\n  - {path: a, k: 3}", "fields[0].k: only top_k has a k"},
		"tolerance of a set":  {"fields:\n  - {path: a, compare: set, absolute: 1}", "p.yaml:2: fields[0].absolute: has no meaning for set"},
		"negative":            {"default:\n  absolute: -1", "p.yaml:2: default.absolute: is not a finite number from 0 up"},
		"one element":         {"scores:\n  - path: a[0]", `p.yaml:2: scores[0].path: "a[0]" names one element; write [*]`},
		"empty path":          {"show: ['']", "show[0]: the path is empty"},
		"dots":                {"show: [a..b]", `show[0]: "a..b" has an empty key`},
		"zone":                {"timezone: Mars/Base", `p.yaml:1: timezone: "Mars/Base" is no time zone`},
		"alpha":               {"alpha: 0%", "p.yaml:1: alpha: is not between 0 and 50 %"},
		"hours":               {"require:\n  hours: [all, 25]", `p.yaml:2: require.hours[1]: "25" is not hours`},
		"a share too great":   {"limits: {excess: 30}", `p.yaml:1: limits.excess: "30" has no unit and is above 1; write 30%`},
		"drift samples":       {"limits: {drift_samples: 5000}", "limits.drift_samples: is above 1024"},
		"segments twice":      {"segments: [{name: a, header: x}, {name: a, body: y}]", `segments[1].name: "a" is there twice`},
		"two sources":         {"segments: [{name: a, header: x, body: y}]", "segments[0]: has both"},
		"two documents":       {"alpha: 1%\n---\nalpha: 2%", "a second YAML document"},
		"not YAML":            {"a: [", "p.yaml:1: "},
		"no requirement left": {"require: {samples: 0}", "require.samples: is below 1"},
	} {
		_, err := ParsePlan("p.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAnEmptyPlanIsTheDefault(t *testing.T) {
	plan, err := ParsePlan("p.yaml", nil)
	if err != nil || !reflect.DeepEqual(plan, DefaultPlan()) {
		t.Error(err, plan)
	}
	plan, err = ParsePlan("p.yaml", []byte("limits: {excess: 2%}\nrequire: {hours: [22-5], segments: {country: [DE]}}\nscores: [{path: 'outputs.score[*]', element: 1}]\n"))
	if err != nil || plan.Limits.Excess != .02 || plan.Limits.PSI != .2 || plan.Require.Samples != 500 || plan.Scores[0].Element != 1 {
		t.Error(err, plan)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"a.b", "a.b", true}, {"a.b", "a", false}, {"a", "a.b", false}, {"a.*", "a.b", true}, {"a.*", "a[*]", false},
		{"a[*].b", "a[*].b", true}, {"**", "a[*].b", true}, {"**.b", "a[*].b", true}, {"**.b", "b", true}, {"a.**", "a", true},
		{"a.**.z", "a.b.c.z", true}, {"a.**.z", "a.b.c", false}, {`["x.y"].z`, `["x.y"].z`, true}, {"[*]", "[*]", true},
	} {
		p, err := ParsePath(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		at, err := ParsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if p.Matches(at.Steps) != c.want || FormatPath(at.Steps) != c.path {
			t.Errorf("%s on %s is not %v (written %s)", c.pattern, c.path, c.want, FormatPath(at.Steps))
		}
	}
}
