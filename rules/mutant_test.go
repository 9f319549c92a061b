package rules

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func TestMutantsOfX(t *testing.T) {
	for _, f := range []string{"../runbook-templates/canary.yaml"} {
		rb, err := runbook.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := UnitTests(rb)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r, err := s.Mutants(t.Context(), MutantOptions{Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Survivors {
			t.Logf("%s %s: %s", m.Kind, m.Rule, m.Change)
		}
		t.Logf("%+v %d mutants in %s", r.Kinds, len(r.Mutants), time.Since(began))
	}
}
