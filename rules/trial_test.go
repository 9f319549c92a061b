package rules

import (
	"path/filepath"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// generated are the templates, the example, the whole vocabulary, and runbooks of means,
// of triggers without evidence and of absolute limits alone, by name.
func generated(t *testing.T) map[string]*runbook.Runbook {
	t.Helper()
	out := map[string]*runbook.Runbook{}
	for _, pattern := range []string{"../runbook-templates/*.yaml", "../examples/runbooks/*.yaml", "../runbook/testdata/good/vocabulary.yaml", "testdata/mean.yaml", "testdata/unit/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, p := range paths {
			rb, err := runbook.Load(p)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(p)] = rb
		}
	}
	return out
}

func TestGeneratedTestsHoldInThisProcess(t *testing.T) {
	bulk(t)
	for name, rb := range generated(t) {
		t.Run(name, func(t *testing.T) {
			g, err := Compile(rb)
			if err != nil {
				t.Fatal(err)
			}
			s, err := UnitTests(rb)
			if err != nil {
				t.Fatal(err)
			}
			p := newPlayer(g)
			for _, c := range s.Within(64).cases {
				played, err := p.play(t.Context(), c)
				if err != nil {
					t.Errorf("%s: %s: %v", c.trigger, c.name, err)
					continue
				}
				for _, fault := range played.faults(g.Rules) {
					t.Errorf("%s: %s", c.trigger, fault)
				}
			}
		})
	}
}

// Only a ceiling above the histogram, which can never be passed, is without tests, and of
// all others every scene is there.
func TestEveryTriggerHasTests(t *testing.T) {
	bulk(t)
	for name, rb := range generated(t) {
		s, err := UnitTests(rb)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, name := range s.Triggers() {
			have[name] = true
		}
		for _, tr := range rb.Triggers {
			if want := tr.Name != "latency-limit"; have[tr.Name] != want {
				t.Errorf("%s: %s has tests: %t, want %t: %v", name, tr.Name, have[tr.Name], want, s.Untested)
			}
		}
		for _, u := range s.Untested {
			if u.Trigger != "latency-limit" {
				t.Errorf("%s: not tested: %s: %s", name, u.Trigger, u.Why)
			}
		}
	}
}
