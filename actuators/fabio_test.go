package actuators

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Each share that can be written is read back, from whatever stood there, under each source, and
// no line has a weight that fabio takes otherwise.
func TestFabioEveryShare(t *testing.T) {
	r, snap := router(t, twoSources), tree()
	for h := range 10_001 {
		v2 := runbook.RoundWeight(float64(h) / 100)
		to := record.Split{"v1": v2.Rest(), "v2": v2}
		_, ops, err := r.Plan(snap, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := string(ops[0].Value)
		for _, bad := range []string{"weight 0 ", "weight 1 ", "weight -", "e-"} {
			if strings.Contains(text, bad) {
				t.Fatalf("%v: %q in %s", to, bad, text)
			}
		}
		if snap, err = commit(snap, ops); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Decode(snap); err != nil || !got.Equal(to) {
			t.Fatalf("%v is read as %v, %v:\n%s", to, got, err, text)
		}
		if found := r.Lint(snap); len(found) != 0 {
			t.Fatalf("%v: %v", to, found)
		}
	}
}

// Weights that differ between sources are no split.
func TestFabioSourcesDisagree(t *testing.T) {
	r := router(t, twoSources)
	snap := tree(r.codec.(fabio).key(), "# rest: v1\nroute weight ranker /predict weight 0.05 tags \"v2\"\nroute weight ranker m.example.com/ weight 0.5 tags \"v2\"\n")
	_, err := r.Decode(snap)
	if want := "/predict has v1 95, v2 5 and m.example.com has v1 50, v2 50"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("decoded with %v, want %q", err, want)
	}
	if found := r.Lint(snap); len(found) != 1 || !found[0].Blocking {
		t.Errorf("hazards %v", found)
	}
}
