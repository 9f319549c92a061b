package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

func TestEquiv(t *testing.T) {
	rb, err := runbook.Load("../test/quality/../../runbook/testdata/good/vocabulary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{"../runbook/testdata/good/mean.yaml"} {
		r2, err := runbook.Load(extra)
		if err != nil {
			t.Fatal(err)
		}
		check(t, r2)
	}
	check(t, rb)
}

func check(t *testing.T, rb *runbook.Runbook) {
	for _, tr := range rb.Triggers {
		ref, err := rules.ReferenceOf(rb, tr.Name)
		if err != nil {
			t.Log("skip", tr.Name, err)
			continue
		}
		for seed := range 4 {
			ref, _ = rules.ReferenceOf(rb, tr.Name)
			x, err := analysis.New(rb, tr.Name)
			if err != nil {
				t.Fatal(err)
			}
			rnd := rand.New(rand.NewPCG(uint64(seed), 7))
			harm := rnd.Float64() * 3
			gen := func(role runbook.Role, pods int, n float64, k float64) (a []analysis.PodCount, b []rules.PodCount) {
				for i := range pods {
					if rnd.IntN(20) == 0 {
						continue
					}
					all := math.Floor(n * (0.5 + rnd.Float64()))
					bad := math.Floor(all * 0.05 * k * rnd.Float64())
					c := analysis.PodCount{Pod: fmt.Sprint(role, i), Role: role, All: all, Bad: bad, Squares: bad * 2}
					nb := 14
					if m := analysis.MeasureOf(tr); m == "latency" {
						nb = len(rb.Metrics.Latency.Buckets) + 1
					} else if d, ok := rb.Metrics.Distribution(tr.Distribution); ok {
						nb = len(d.Buckets) + 1
					}
					for j := range nb {
						c.Buckets = append(c.Buckets, math.Floor(rnd.Float64()*all/float64(1+j)*(1+k/5*float64(j))))
					}
					for range 3 {
						c.Parts = append(c.Parts, analysis.PartCount{All: all, Bad: math.Floor(all * 0.02 * k * rnd.Float64())})
					}
					d := rules.PodCount{Pod: c.Pod, Role: role, All: c.All, Bad: c.Bad, Squares: c.Squares, Buckets: c.Buckets}
					for _, p := range c.Parts {
						d.Parts = append(d.Parts, rules.PartCount(p))
					}
					a, b = append(a, c), append(b, d)
				}
				return
			}
			for i := range 1000 {
				k := 1.0
				if i > 500 {
					k += harm
				}
				a1, b1 := gen(runbook.Candidate, 3, 40, k)
				a2, b2 := gen(runbook.Stable, 6, 200, 1)
				a, b := append(a1, a2...), append(b1, b2...)
				if i < 250 {
					x.Before(a2)
					ref.Before(b2)
					continue
				}
				x.Weigh(0.09, i%50 > 6)
				ref.Weigh(0.09, i%50 > 6)
				got, want := x.Observe(a), ref.Observe(b)
				same := func(p, q float64) bool {
					return math.IsNaN(p) && math.IsNaN(q) || math.Abs(p-q) <= 1e-6*(1+math.Abs(q)) || p == q
				}
				bad := ""
				for s := range 4 {
					if !same(got.LogE[s], want.Evidence[s]) || !same(got.WithoutPod[s], want.WithoutPod[s]) {
						bad = fmt.Sprint("evidence ", s)
					}
				}
				if !same(got.Effect, want.Effect) || got.Gate != want.Gate || !same(got.Dispersion, want.Phi) || got.Pods[0] != want.Pods || got.Fires() != want.Fires() || got.Proved != want.Proved || got.Alone != want.Guarded {
					bad += " other"
				}
				if bad != "" && i > 252 {
					t.Errorf("%s seed %d at %d: %s\n got %+v\nwant %+v", tr.Name, seed, i, bad, got, want)
					break
				}
			}
		}
	}
}
