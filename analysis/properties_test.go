package analysis

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
)

// Traffic that both sides share says nothing: with more opportunities on both, and the
// same events, the log e-values are the same.
func TestSharedTrafficSaysNothing(t *testing.T) {
	x, y := begin(t, shop(), "error-rate"), begin(t, shop(), "error-rate")
	f := feed{rnd: seeded(1), rate: 200, share: 0.25, pods: [2]int{3, 5}, level: [2]float64{0.012, 0.01}}
	for i := range 800 {
		counts := f.counts(Requests)
		a := x.Observe(counts)
		path := 10 * (2 + math.Sin(float64(i)/30)) // a day, as it were
		for k := range counts {
			counts[k].All *= path
		}
		// The dispersion knows that events are rarer, by a part in a hundred.
		if b := y.Observe(counts); !like(b.LogE[0], a.LogE[0], 0.03) || !like(b.Dispersion, a.Dispersion, 0.03) {
			t.Fatalf("interval %d: log e %g, dispersion %g with more traffic, %g and %g without", i, b.LogE[0], b.Dispersion, a.LogE[0], a.Dispersion)
		}
	}
}

// Events that come in clumps say no more than one each: the stable pods' come in clumps as
// well, and so the dispersion grows as the ratios do.
func TestClumpsSayNoMore(t *testing.T) {
	x, y := begin(t, shop(), "error-rate"), begin(t, shop(), "error-rate")
	f := feed{rnd: seeded(2), rate: 400, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{0.003, 0.001}}
	const clump = 8
	var a, b Result
	for range 480 {
		counts := f.counts(Requests)
		a = x.Observe(counts)
		for k := range counts {
			counts[k].Bad *= clump
		}
		b = y.Observe(counts)
	}
	if a.LogE[0] < 50 || b.LogE[0] > 1.2*a.LogE[0] || b.LogE[0] < 0.8*a.LogE[0] || b.Dispersion < 0.8*clump {
		t.Errorf("log e %g in clumps (dispersion %g), %g without (%g)", b.LogE[0], b.Dispersion, a.LogE[0], a.Dispersion)
	}
}

// An interval of one pod that is lost, or in which its counters are reset, is worth no
// more than that interval.
func TestALostScrapeIsWorthOneInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"error-rate", "conversion-drop", "schema"}).Draw(t, "trigger")
		rb := shop(name)
		x, err := New(rb, name)
		if err != nil {
			t.Fatal(err)
		}
		y, _ := New(rb, name)
		x.Dispersed, y.Dispersed = false, false
		f := feed{rnd: seeded(rapid.IntRange(0, 1000).Draw(t, "seed")), rate: 50, share: 0.3, pods: [2]int{2, 4}, level: [2]float64{0.06, 0.05}}
		lost, pod, most := rapid.IntRange(0, 59).Draw(t, "interval"), rapid.IntRange(0, 5).Draw(t, "pod"), 0.0
		ratios := func(t *Test) (out []float64) {
			for i := range t.ratios {
				out = append(out, t.ratios[i].last(1))
			}
			return out
		}
		for i := range 60 {
			counts := f.counts(Requests)
			a := x.Observe(counts)
			if i == lost {
				counts = slices.Delete(counts, pod, pod+1)
			}
			b := y.Observe(counts)
			if i == lost {
				for k, v := range ratios(x) {
					most = max(most, math.Abs(v-ratios(y)[k]))
				}
			}
			if d := math.Abs(a.LogE[0] - b.LogE[0]); d > most+1e-9 {
				t.Fatalf("interval %d: log e differs by %g, want %g at most, which is one interval's", i, d, most)
			}
		}
	})
}

// Two replicas that are told the same say the same, in whatever order they list the pods.
func TestReplicasAgree(t *testing.T) {
	for name, trigger := range triggers() {
		x, y := begin(t, shop(name), name), begin(t, shop(name), name)
		f := feed{rnd: seeded(6), rate: 30, share: 0.3, pods: [2]int{3, 4}, level: [2]float64{0.6, 0.5}}
		for range 120 {
			counts := f.counts(MeasureOf(trigger))
			x.Weigh(0.4, true)
			y.Weigh(0.4, true)
			a := x.Observe(counts)
			f.rnd.Shuffle(len(counts), func(i, k int) { counts[i], counts[k] = counts[k], counts[i] })
			if b := y.Observe(counts); !alike(a, b, 1e-9) {
				t.Fatalf("%s:\n%+v\nin another order\n%+v", name, a, b)
			}
		}
	}
}

// What one service does is nothing to another, nor do triggers hear of each other.
func TestReleasesAreApart(t *testing.T) {
	names := []string{"error-rate", "conversion-drop", "null-spike", "starved", "latency-p95"}
	release := func() *Release {
		r, err := NewRelease(shop(names...))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	counts := func(rnd *rand.Rand, level float64) Counts {
		f, c := feed{rnd: rnd, rate: 30, share: 0.3, pods: [2]int{3, 4}, level: [2]float64{level, 0.3}}, Counts{}
		for _, m := range []string{Requests, "kpi/conversion", Features, Traffic, Latency} {
			c[m] = f.counts(m)
		}
		return c
	}
	alone, beside, other := release(), release(), release()
	one, two, noise := seeded(1), seeded(1), seeded(2)
	single := map[string]*Test{}
	for _, name := range names {
		single[name] = begin(t, shop(names...), name)
	}
	for range 60 {
		c := counts(one, 0.3)
		want := alone.Observe(c, Weight{0.3, true})
		other.Observe(counts(noise, 0.9), Weight{0.9, false})
		got := beside.Observe(counts(two, 0.3), Weight{0.3, true})
		if len(got) != len(names) {
			t.Fatalf("%d results", len(got))
		}
		for name, r := range got {
			trigger, _ := shop(names...).Trigger(name)
			single[name].Weigh(0.3, true)
			if by := single[name].Observe(c[MeasureOf(trigger)]); !alike(r, want[name], 0) || !alike(r, by, 0) {
				t.Fatalf("%s: beside another %+v, alone %+v, its test alone %+v", name, r, want[name], by)
			}
		}
	}
}

// In a good release nothing tells the sides apart: whichever of two equal halves is called
// the candidate, as many log e-values get as far.
func TestSidesOfAGoodRelease(t *testing.T) {
	bulk(t)
	for _, name := range []string{"error-rate", "conversion-drop", "schema"} {
		trigger, _ := shop(name).Trigger(name)
		const runs = 400
		passed := [2]int{}
		for seed := range runs {
			f := feed{rnd: seeded(seed), rate: 40, share: 0.5, pods: [2]int{4, 4}, level: [2]float64{0.05, 0.05}}
			tests, most := [2]*Test{begin(t, shop(name), name), begin(t, shop(name), name)}, [2]float64{}
			for range 240 {
				counts := f.counts(MeasureOf(trigger))
				for k, x := range tests {
					most[k] = max(most[k], x.Observe(counts).LogE[0])
					for i := range counts {
						counts[i].Role = map[runbook.Role]runbook.Role{runbook.Candidate: runbook.Stable, runbook.Stable: runbook.Candidate}[counts[i].Role]
					}
				}
			}
			for k := range passed {
				passed[k] += int(indicator(most[k] > math.Log(10)))
			}
		}
		t.Logf("%s: of %d releases %d get to e = 10, and %d with the sides swapped", name, runs, passed[0], passed[1])
		for k := range passed {
			if passed[k] > runs/10 { // Ville: at most one in ten, and fewer as there is a margin
				t.Errorf("%s: %d of %d get to e = 10", name, passed[k], runs)
			}
		}
		if d := math.Abs(float64(passed[0] - passed[1])); d > 3*math.Sqrt(float64(passed[0]+passed[1]+1)) {
			t.Errorf("%s: %d get there, and %d with the sides swapped", name, passed[0], passed[1])
		}
	}
}
