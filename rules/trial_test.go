package rules

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func TestTrialsOfX(t *testing.T) {
	for _, f := range []string{"../runbook-templates/canary.yaml", "../examples/runbooks/ranker.yaml", "../runbook/testdata/good/vocabulary.yaml"} {
		rb, err := runbook.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Compile(rb)
		if err != nil {
			t.Fatal(err)
		}
		s, err := UnitTests(rb)
		if err != nil {
			t.Fatal(err)
		}
		p := newPlayer(g)
		began := time.Now()
		for _, c := range s.cases {
			at := time.Now()
			tr, err := p.play(t.Context(), c)
			if err != nil {
				t.Errorf("%s %s: %v", c.trigger, c.name, err)
				continue
			}
			for _, w := range tr.faults(g.Rules) {
				t.Errorf("%s: %s", c.trigger, w)
			}
			if d := time.Since(at); d > 100*time.Millisecond {
				t.Logf("%s %s: %d steps, %s", c.trigger, c.name, tr.last, d)
			}
		}
		t.Logf("%s: %d cases in %s", f, len(s.cases), time.Since(began))
	}
}
