package rules

import (
	"regexp"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// No template has canary_starved. Each mutant of the rules that are its own fails one of
// its scenes, or is explained.
func TestMutantsOfStarvationAreCaught(t *testing.T) {
	bulk(t)
	rb, err := runbook.Load("../runbook/testdata/good/vocabulary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	g, err := Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	every, err := mutantsOf(g)
	if err != nil {
		t.Fatal(err)
	}
	suite, err := UnitTests(rb)
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(`signal="traffic"|RankerStarved$`)
	var all []Mutant
	for _, m := range every {
		if own.MatchString(m.Rule) {
			all = append(all, m)
		}
	}
	h := &hunt{player: newPlayer(g), workers: 2}
	if err := h.rehearse(t.Context(), suite.Of("starved").Within(64).cases); err != nil {
		t.Fatal(err)
	}
	if err := h.catch(t.Context(), all, nil); err != nil {
		t.Fatal(err)
	}
	caught := 0
	for _, m := range all {
		switch {
		case !m.Survived():
			caught++
		case m.Equal == "":
			t.Errorf("survives: %s: %s: %s", m.Rule, m.Kind, m.Change)
		}
	}
	if caught < 40 {
		t.Errorf("only %d of %d are caught", caught, len(all))
	}
}
