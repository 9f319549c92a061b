package analysis

import (
	"math"
	"time"
)

// Method names how numbers are computed. It changes whenever the same counts would give
// another significance, so that a stored decision says what it was made with.
const Method = "2026-11"

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
	// Alpha is the chance that a good release ever fires, over all its comparative
	// triggers together.
	Alpha = 0.01
	// leastPodOdds is what must remain without the worst pods: odds of 400 : 1.
	leastPodOdds = 400.0
	// leastMeanOdds is what must remain of an e-value of a mean without any one pod.
	leastMeanOdds = 100.0
	// day is the span over which the trailing windows' start times are counted.
	day = 24 * time.Hour
	// LeastPods is how many stable pods the dispersion can be estimated from; with
	// fewer, UnknownDispersion is assumed.
	LeastPods         = 3
	UnknownDispersion = 2.0
	// TopGap is by how much more of the candidate's requests than of stable's must be
	// above the highest bucket, where a quantile stands still: a whole percentage point.
	TopGap = 0.01
	// tolerateSlow is the greatest slowdown that is no sign of harm; never more than half
	// of what the runbook calls a breach.
	tolerateSlow = 0.15
	// phiTraffic and phiShift are assumed at least: routers and users cluster.
	phiTraffic = 20.0
	phiShift   = 2.0
	// podsForEach is of how many pods the guard leaves one out.
	podsForEach = 3
)

// Odds is the grid of odds ratios that one kind of event is looked at with.
type Odds struct {
	Null   float64 // θ0: up to here it is no harm
	Thetas []float64
}

func errorOdds() Odds { return Odds{1.25, []float64{1.6, 6}} }
func slowOdds() Odds  { return Odds{1, []float64{1.4, 3}} }
func nullOdds() Odds  { return Odds{1.25, []float64{2}} }
func shiftOdds() Odds { return Odds{1, []float64{0.8, 1.25}} }
func shareOdds() Odds { return Odds{1, []float64{0.75, 0.25}} }

// dropOdds are those of a KPI, be it a share or a mean.
func dropOdds() Odds { return Odds{1, []float64{0.97, 0.92, 0.75}} }

// Fewer reports whether harm is fewer events, not more.
func (o Odds) Fewer() bool { return o.Thetas[0] < 1 }

// Ratio is the log likelihood ratio of theta: of events, bad are the candidate's, whose
// share of the opportunities is share.
func (o Odds) Ratio(theta, share, bad, events float64) float64 {
	return bad*math.Log(theta/o.Null) - events*(math.Log1p((theta-1)*share)-math.Log1p((o.Null-1)*share))
}

// ratios are those of the grid.
func (o Odds) ratios(share, bad, events float64) []float64 {
	out := make([]float64, len(o.Thetas))
	for k, theta := range o.Thetas {
		out[k] = o.Ratio(theta, share, bad, events)
	}
	return out
}

// fitted is the log likelihood ratio at the best fitting odds ratio,
//
//	x ln(x/μ) + s ln(s/(x+s-μ))
//
// with x the events of some candidate pods, s those of stable, and μ = x - surplus what x
// would be at equal odds (θ0); 0 where the surplus is no harm.
func (o Odds) fitted(events, surplus, others float64) float64 {
	const tiny = 1e-9
	if (surplus < 0) != o.Fewer() {
		return 0
	}
	x, s := max(events, tiny), max(others, tiny)
	return -x*math.Log(max(1-surplus/x, tiny)) - s*math.Log(max(1+surplus/s, tiny))
}

// A Span is one window that significance is looked for in.
type Span struct {
	Name    string
	Length  time.Duration // 0: since the release began
	guarded bool          // the pod guard looks at it as well
}

const spanCount = 4

// Spans are fixed lengths, whatever the interval: the first covers the release, the
// others find harm that begins late. A shorter interval means more start times and so a
// higher bar, see [Bars].
func Spans() [spanCount]Span {
	return [spanCount]Span{{"release", 0, true}, {"3h", 3 * time.Hour, false}, {"30m", 30 * time.Minute, true}, {"5m", 5 * time.Minute, true}}
}

// penalty is ln of how often the window fits into a day: the guard's bar is fixed, and a
// trailing window has that many chances.
func (s Span) penalty() float64 {
	if s.Length == 0 {
		return 0
	}
	return ceil2(math.Log(day.Seconds() / s.Length.Seconds()))
}

// Bars are the log e-values at which a trigger is proved, half of its α for the release
// and half for the trailing windows, which may begin at any interval of a day.
func Bars(triggers int, interval time.Duration) (release, trailing float64) {
	release = math.Log(2 * float64(triggers) / Alpha)
	return ceil2(release), ceil2(release + math.Log(float64(day)/float64(interval)))
}

// ceil2 rounds a bar up, so that rounding never adds false alarms.
func ceil2(v float64) float64 { return math.Ceil(v*100) / 100 }

// leftOut is how many of the candidate's pods the guard leaves out.
func leftOut(pods int) int { return max(1, pods/podsForEach) }
