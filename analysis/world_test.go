package analysis

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// bulk keeps long simulations out of the race detector.
func bulk(t *testing.T) {
	t.Helper()
	sim.Bulk(t)
}

const every = 15 * time.Second

var (
	latencyBounds = sim.Bounds
	scoreBounds   = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}
)

func minutes(n int) runbook.Duration { return runbook.Duration(time.Duration(n) * time.Minute) }

// The triggers of the tests, by what a team would call them.
func triggers() map[string]runbook.Trigger {
	return map[string]runbook.Trigger{
		"error-rate":      {Type: runbook.ErrorRate, For: minutes(3), Above: 0.05},
		"error-increase":  {Type: runbook.ErrorIncrease, For: minutes(5), By: 0.005, MinRatio: 1.5},
		"latency-p95":     {Type: runbook.LatencyQuantile, For: minutes(5), Quantile: 0.95, Increase: 0.3},
		"conversion-drop": {Type: runbook.KPIDrop, For: minutes(15), KPI: "conversion", Drop: 0.02},
		"revenue-drop":    {Type: runbook.KPIDrop, For: minutes(15), KPI: "revenue", Drop: 0.02},
		"null-spike":      {Type: runbook.NullSpike, For: minutes(5), By: 0.01},
		"schema":          {Type: runbook.SchemaMismatch, For: minutes(5), Above: 0.001},
		"shift":           {Type: runbook.DistributionShift, For: minutes(10), Distribution: "score", Distance: 0.1, Against: runbook.AgainstStable},
		"psi":             {Type: runbook.DistributionShift, For: minutes(10), Distribution: "score", PSI: 0.25, Against: runbook.AgainstStable},
		"compare":         {Type: runbook.Compare, For: minutes(5), Bad: "bad_total", All: "all_total", By: 0.005, MinRatio: 1.5},
		"starved":         {Type: runbook.CanaryStarved, For: minutes(3), Below: 0.5},
	}
}

// shop is a runbook that measures everything, with triggers of the tests by name, or three
// of them.
func shop(names ...string) *runbook.Runbook {
	if names == nil {
		names = []string{"latency-p95", "error-rate", "conversion-drop"}
	}
	rb := &runbook.Runbook{Service: "shop", Metrics: runbook.Metrics{
		Interval:      runbook.Duration(every),
		Latency:       &runbook.Latency{Histogram: "latency_seconds", Kind: runbook.Classic, Buckets: latencyBounds},
		KPIs:          []runbook.KPI{{Name: "conversion", Successes: "conversions_total", Trials: "trials_total"}, {Name: "revenue", Sum: "revenue_total", Squares: "revenue_squared_total", Trials: "trials_total"}},
		Distributions: []runbook.Distribution{{Name: "score", Histogram: "score", Kind: runbook.Classic, Buckets: scoreBounds}},
	}}
	for _, name := range names {
		t := triggers()[name]
		t.Name, t.Severity = name, runbook.Severe
		rb.Triggers = append(rb.Triggers, t)
	}
	return rb
}

// begin makes the test of one trigger, after changes to it.
func begin(tb testing.TB, rb *runbook.Runbook, name string, changes ...func(*runbook.Trigger)) *Test {
	tb.Helper()
	for i := range rb.Triggers {
		for _, change := range changes {
			if rb.Triggers[i].Name == name {
				change(&rb.Triggers[i])
			}
		}
	}
	x, err := New(rb, name)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

// A feed draws what the pods of a release do, interval by interval. Pairs are of candidate
// and stable.
type feed struct {
	rnd         *rand.Rand
	rate, share float64 // requests per second, and the candidate's part
	pods        [2]int
	level       [2]float64 // share of events; of latency the median; of scores the exponent of their cumulative share
}

func seeded(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 77)) }

// counts draws an interval for a measure.
func (f feed) counts(measure string) []PodCount {
	var out []PodCount
	for side, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		share := f.share
		if side == 1 {
			share = 1 - share
		}
		for i := range f.pods[side] {
			n := sim.Poisson(f.rnd, f.rate*share*every.Seconds()/float64(f.pods[side]))
			c := PodCount{Pod: string(role) + strconv.Itoa(i), Role: role, All: n}
			f.fill(&c, measure, f.level[side])
			out = append(out, c)
		}
	}
	return out
}

func (f feed) fill(c *PodCount, measure string, level float64) {
	switch measure {
	case Latency:
		c.Buckets = f.spread(c.All, latencyBounds, func(b float64) float64 { return 0.5 * math.Erfc(-math.Log(b/level)/0.5/math.Sqrt2) })
	case "distribution/score":
		c.Buckets = f.spread(c.All, scoreBounds, func(b float64) float64 { return math.Pow(b, level) })
	case Features: // the first of three has the level
		for _, share := range []float64{level, 0.01, 0.02} {
			c.Parts = append(c.Parts, PartCount{c.All, sim.Binomial(f.rnd, c.All, share)})
		}
	case "kpi/revenue":
		for range int(sim.Binomial(f.rnd, c.All, 0.5)) {
			v := level * math.Exp(0.5*f.rnd.NormFloat64())
			c.Bad, c.Squares = c.Bad+v, c.Squares+v*v
		}
	case Traffic:
	default:
		c.Bad = sim.Binomial(f.rnd, c.All, level)
	}
}

// spread draws observations into buckets.
func (f feed) spread(n float64, bounds []float64, upTo func(float64) float64) []float64 {
	out, below := make([]float64, len(bounds)+1), 0.0
	for i, b := range bounds {
		share := upTo(b)
		out[i] = sim.Binomial(f.rnd, n, (share-below)/max(1-below, 1e-12))
		n, below = n-out[i], share
	}
	out[len(bounds)] = n
	return out
}

// even gives each pod of a side the same: opportunities and events of candidate and stable
// together.
func even(pods [2]int, all, bad [2]float64) []PodCount {
	var out []PodCount
	for side, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		n := float64(pods[side])
		for i := range pods[side] {
			out = append(out, PodCount{Pod: string(role) + strconv.Itoa(i), Role: role, All: all[side] / n, Bad: bad[side] / n})
		}
	}
	return out
}

// like compares numbers, of which any two that are not known are alike.
func like(a, b, off float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= off*(1+math.Abs(b))
}

// alike compares results.
func alike(a, b Result, off float64) bool {
	for i := range a.LogE {
		if !like(a.LogE[i], b.LogE[i], off) || !like(a.WithoutPod[i], b.WithoutPod[i], off) {
			return false
		}
	}
	return like(a.Effect, b.Effect, off) && like(a.Level[0], b.Level[0], off) && like(a.Level[1], b.Level[1], off) &&
		like(a.Dispersion, b.Dispersion, off) && like(a.Significance, b.Significance, off) &&
		a.Gate == b.Gate && a.Pods == b.Pods && a.Proved == b.Proved && a.Widespread == b.Widespread
}
