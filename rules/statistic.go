package rules

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// The statistic (Lindon & Malek 2022; ter Schure et al. 2024): given the
// opportunities of one interval, a bad event is the candidate's with probability
// θπ/(1+(θ-1)π), where π is its share of the opportunities and θ the odds ratio.
// Against a margin θ0 the log likelihood ratio of an interval is
//
//	x ln(θ/θ0) - X [ln(1+(θ-1)π) - ln(1+(θ0-1)π)]
//
// with x the candidate's events and X all of them. exp of its sum, averaged over a
// grid of θ, is an e-process: by Ville's inequality it ever exceeds 1/α with
// probability at most α, however often one looks.
const (
	// alphaRelease is the chance that a good release ever fires, over all its
	// comparative triggers together.
	alphaRelease = 0.01
	// leastPodEvidence is what must remain without the worst pods: odds of 400 : 1.
	leastPodEvidence = 400.0
	// day is the span over which the trailing windows' start times are counted.
	day = 24 * time.Hour
	// leastPods is how many stable pods the dispersion can be estimated from; with
	// fewer, phiUnknown is assumed.
	leastPods  = 3
	phiUnknown = 2.0
	// tolerateSlow is the greatest slowdown that is no evidence; never more than half
	// of what the runbook calls a breach.
	tolerateSlow = 0.15
	// phiTraffic and phiShift are assumed at least: routers and users cluster.
	phiTraffic = 20.0
	phiShift   = 2.0
)

// A family is a kind of event with its grid of odds ratios.
type family struct {
	name    string
	null    float64   // θ0: up to here it is no harm
	thetas  []float64 // the grid
	guarded bool      // by the pod guard; the others have one of their own, or need none
}

func errorFamily() family { return family{"errors", 1.25, []float64{1.6, 6}, true} }
func slowFamily() family  { return family{"latency", 1, []float64{1.4, 3}, true} }
func nullFamily() family  { return family{name: "nulls", null: 1.25, thetas: []float64{2}} }
func shiftFamily() family {
	return family{name: "shift", null: 1, thetas: []float64{0.8, 1.25}}
}
func shareFamily() family {
	return family{name: "traffic", null: 1, thetas: []float64{0.75, 0.25}}
}
func kpiFamily() family { return family{"kpi", 1, []float64{0.97, 0.92, 0.75}, true} }

// A span is one window of the evidence.
type span struct {
	name, length string
	guarded      bool // the pod guard looks at it as well
}

// spans are fixed lengths, whatever the interval: "release" covers a day-long release,
// anchored by its label; the others find harm that begins late. A shorter interval
// means more start times and so a higher bar, see [bars].
func spans() []span {
	return []span{{"release", "1d2h", true}, {"3h", "3h", false}, {"30m", "30m", true}, {"5m", "5m", true}}
}

// bars are the log e-values at which a trigger is proved, half of its α for the
// release and half for the trailing windows, which may begin at any interval of a day.
func bars(triggers int, interval runbook.Duration) (release, trailing float64) {
	release = math.Log(2 * float64(triggers) / alphaRelease)
	return release, release + math.Log(float64(day)/float64(interval))
}

// fewer reports whether harm is fewer events, not more.
func (f family) fewer() bool { return f.thetas[0] < 1 }

// podsForEach is of how many pods the guard leaves one out.
const podsForEach = 3

// penalty is ln of how often the window fits into a day.
func (s span) penalty() float64 {
	if s.name == "release" {
		return 0
	}
	return ceil2(math.Log(day.Seconds() / spanSeconds(s)))
}

// partLimit is the gap that a trigger on parts looks for.
func partLimit(t runbook.Trigger) float64 {
	if t.Type == runbook.NullSpike {
		return float64(t.By)
	}
	return shiftLimit(t)
}

// leastGap is the distance that must remain without any one pod, for a trigger that
// is worded as PSI.
const leastGap = 0.05

// up rounds a threshold up to two decimals, so that rounding never adds false alarms.
func up(v float64) string { return num(math.Ceil(v*100) / 100) }
