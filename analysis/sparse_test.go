package analysis

import (
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
)

// Intervals in which a side, or all pods of it but one, did nothing leave no number behind that is
// none: what comes after them is judged as ever. A lone pod against a stable side without requests
// once made the pod guard blind for the rest of the release.
func TestSparseIntervalsBlindNothing(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(triggers())) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				rb := shop(name)
				trigger := triggers()[name]
				x, err := New(rb, name)
				if err != nil {
					t.Fatal(err)
				}
				x.Weigh(0.3, true)
				f := feed{rnd: seeded(rapid.IntRange(0, 1000).Draw(t, "seed")), rate: 20, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{0.3, 0.2}}
				for range rapid.IntRange(1, 6).Draw(t, "sparse") {
					counts := f.counts(MeasureOf(trigger))
					keep := rapid.SliceOfN(rapid.IntRange(0, 2), len(counts), len(counts)).Draw(t, "keep")
					var some []PodCount
					for i, c := range counts {
						switch keep[i] {
						case 0:
							some = append(some, c)
						case 1:
							some = append(some, PodCount{Pod: c.Pod, Role: c.Role}) // scraped, and nothing was asked of it
						}
					}
					x.Observe(some)
				}
				var r Result
				for range 40 {
					r = x.Observe(f.counts(MeasureOf(trigger)))
				}
				if math.IsNaN(r.LogE[0]) || math.IsNaN(r.Dispersion) || math.IsNaN(r.Significance) || math.IsInf(r.Significance, -1) {
					t.Errorf("it judges nothing: %+v", r)
				}
			})
		})
	}
	t.Run("a lone pod", func(t *testing.T) {
		x := begin(t, shop("error-rate"), "error-rate")
		x.Observe([]PodCount{{Pod: "a", Role: runbook.Candidate, All: 10}, {Pod: "s", Role: runbook.Stable}})
		f := feed{rnd: seeded(1), rate: 100, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{0.4, 0.005}}
		var r Result
		for range 20 {
			r = x.Observe(f.counts(Requests))
		}
		if !r.Fires() {
			t.Errorf("forty errors of a hundred on every pod: %+v", r)
		}
	})
}
