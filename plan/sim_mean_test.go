package plan

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A shop is what the pods of a release earn, interval by interval: few of the trials
// bring anything, and what they bring is log-normal.
type shop struct {
	rate, share float64 // trials per second; the candidate's share
	candidates  int     // its pods
	orders      float64 // share of the trials that bring anything
	sigma       float64 // of what they bring
	drop        float64 // by how much the candidate's orders are worth less
}

const stablePods = 6

func (s shop) counts(rnd *rand.Rand, _ time.Duration) []analysis.PodCount {
	trials := 15 * s.rate // in an interval
	var out []analysis.PodCount
	for i := range s.candidates {
		out = append(out, s.pod(rnd, runbook.Candidate, i, trials*s.share/float64(s.candidates), 1-s.drop))
	}
	for i := range stablePods {
		out = append(out, s.pod(rnd, runbook.Stable, i, trials*(1-s.share)/stablePods, 1))
	}
	return out
}

func (s shop) pod(rnd *rand.Rand, role runbook.Role, n int, trials, worth float64) analysis.PodCount {
	c := analysis.PodCount{Pod: string(role) + strconv.Itoa(n), Role: role, All: sim.Poisson(rnd, trials)}
	for range int(sim.Binomial(rnd, c.All, s.orders)) {
		v := worth * math.Exp(s.sigma*rnd.NormFloat64())
		c.Bad, c.Squares = c.Bad+v, c.Squares+v*v
	}
	return c
}

// spread is the standard deviation of what a trial brings over its mean.
func (s shop) spread() float64 { return math.Sqrt(math.Exp(s.sigma*s.sigma)/s.orders - 1) }

// The planning formula of a mean against simulated releases: the median time to proof
// at most a quarter above the plan and 40 % below (or two intervals): the plan knows
// nothing of the tail, whose greatest values are rarely seen.
func TestMeanPlanAgainstSimulation(t *testing.T) {
	sim.Bulk(t)
	for _, c := range []struct {
		name string
		shop
	}{
		{"-20% at 25% of 100/s", shop{rate: 100, share: 0.25, candidates: 2, orders: 0.03, sigma: 1, drop: 0.2}},
		{"-50% at 10% of 40/s, four pods", shop{rate: 40, share: 0.1, candidates: 4, orders: 0.05, sigma: 1, drop: 0.5}},
		{"-10% at 50% of 60/s, dense", shop{rate: 60, share: 0.5, candidates: 3, orders: 0.8, sigma: 0.5, drop: 0.1}},
		{"-50% at 50% of 400/s, dense", shop{rate: 400, share: 0.5, candidates: 3, orders: 0.8, sigma: 0.5, drop: 0.5}},
		{"-30% at 25% of 100/s, heavier", shop{rate: 100, share: 0.25, candidates: 2, orders: 0.05, sigma: 1.3, drop: 0.3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rb := sim.Shop()
			tr := &rb.Triggers[2]
			tr.Drop = runbook.Ratio(c.drop)
			plan, err := New(rb, Traffic{Rate: c.rate, CandidatePods: c.candidates, StablePods: stablePods,
				KPIs: map[string]Baseline{"revenue": {Rate: 1, Trials: 1, Spread: c.spread()}}}, []Step{{runbook.RoundWeight(100 * c.share), dur(26 * time.Hour)}})
			if err != nil {
				t.Fatal(err)
			}
			need, can := plan.Decides(tr.Name, runbook.RoundWeight(100*c.share))
			if !can {
				t.Fatalf("the plan says it cannot decide: %+v", plan.Triggers[2])
			}
			proofs := delays(t, rb, tr.Name, 61, 24*time.Hour, c.counts, proven)[0]
			median := proofs[len(proofs)/2]
			off := float64(need-median) / float64(median)
			t.Logf("plan %-8s median proof %-8s (%+.0f%%)", need, median, 100*off)
			if (off < -0.25 || off > 0.6) && (need-median).Abs() > 2*rb.Metrics.Interval.Std() {
				t.Errorf("plan %s, median of the simulated proofs %s", need, median)
			}
		})
	}
}
