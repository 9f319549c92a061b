package analysis

import (
	"fmt"
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Test watches one comparative trigger of one release of one service in one region:
// effect gate, log e-values over the windows of [Spans], dispersion of the stable pods,
// pod guard. Its memory is bounded whatever the age of the release. It is not safe for
// concurrent use.
type Test struct {
	// Dispersed and Guarded say whether the dispersion divides and the pod guard counts.
	// They are true, and false to see what the parts are good for; of series that routers
	// count nobody can tell one pod's doing, and no guard looks.
	Dispersed, Guarded bool

	trigger           runbook.Trigger
	signal            signal
	release, trailing float64        // bars of the log e-value
	windows           [spanCount]int // in intervals
	level, hour       int            // five minutes and an hour, in intervals
	gate              int            // the window of the effect
	lasts             int            // the trigger's window, which a threshold must hold for
	least             float64        // style threshold: samples that each side needs

	n           int // intervals observed
	began       int // the first of them that told anything; 0: none yet
	ratios      []total
	pods        []*pod
	phiNum      total
	phiDen      total
	chance      total // how far chance would put the stable pods, in squares
	before      before
	weight      float64     // the share that the candidate should get; NaN: unknown
	born        [][2]births // in the effect's window, of each part
	sideAll     [2]float64
	sideBad     [2]float64
	sideSquares [2]float64
}

// A Result is what is known at the end of an interval.
type Result struct {
	Effect     float64            // the trigger's number; NaN without data
	Level      [2]float64         // of candidate and stable: event share, quantile in seconds, mean; NaN without data
	Gate       bool               // the effect is as large as the runbook says
	LogE       [spanCount]float64 // log e-values of the windows; NaN for what is longer than the release
	WithoutPod [spanCount]float64 // what remains without the most harmful pods; NaN where nobody looks, and without data
	Dispersion float64            // what divided them
	Pods       [2]int             // candidate and stable pods that did anything in the last five minutes
	Proved     bool               // a log e-value is above its bar
	Widespread bool               // the harm is not that of a few pods
	// Significance is at least 1 if and only if the trigger is proved and not one pod's
	// doing: the log e-value over its bar in the window where that is greatest, or the
	// pod guard over its bar if that is less. NaN until there is anything to judge.
	Significance float64
}

// Fires reports whether all three conditions hold.
func (r Result) Fires() bool { return r.Gate && r.Significance >= 1 }

// New prepares the test of the runbook's trigger of that name. A trigger that compares
// nothing is an error.
func New(rb *runbook.Runbook, trigger string) (*Test, error) {
	t, ok := rb.Trigger(trigger)
	switch {
	case !ok:
		return nil, fmt.Errorf("analyse %s: no trigger %q", rb.Service, trigger)
	case !t.Comparative():
		return nil, fmt.Errorf("analyse %s: %s compares nothing", rb.Service, t.Type)
	}
	s, err := signalOf(rb, t)
	if err != nil {
		return nil, fmt.Errorf("analyse %s: trigger %q: %w", rb.Service, trigger, err)
	}
	return newTest(rb, t, s), nil
}

func newTest(rb *runbook.Runbook, t runbook.Trigger, s signal) *Test {
	every := rb.Metrics.Step().Std()
	intervals := func(d time.Duration) int { return max(1, int(d/every)) }
	x := &Test{
		Dispersed: true, Guarded: !rb.Metrics.ByRouter(), trigger: t, signal: s, weight: math.NaN(),
		level: intervals(5 * time.Minute), hour: intervals(time.Hour),
		gate: intervals(t.For.Std()), lasts: intervals(t.For.Std()), least: MinRequests(rb),
	}
	if t.Style == runbook.ByThreshold {
		x.gate = ThresholdIntervals
	}
	x.release, x.trailing = Bars(Proved(rb), every)
	for i, span := range Spans() {
		x.windows[i] = since
		if span.Length > 0 {
			x.windows[i] = intervals(span.Length)
		}
	}
	x.phiNum, x.phiDen, x.chance = newTotal(3*x.hour), newTotal(3*x.hour), newTotal(x.level)
	x.before = before{num: newTotal(x.hour), den: newTotal(x.hour)}
	for range s.Thetas {
		x.ratios = append(x.ratios, x.newRatio())
	}
	s.prepare(x)
	return x
}

// newRatio is a log likelihood ratio since the release began; the 3 h window is the longest
// that looks back.
func (t *Test) newRatio() total { return newTotal(t.windows[1]) }

// ThresholdIntervals is over how many intervals the effect of a trigger with style
// threshold is read.
const ThresholdIntervals = 4

// MinRequests is how many requests a side needs before a bare limit counts.
func MinRequests(rb *runbook.Runbook) float64 {
	if n := rb.Verification.MinRequests; n > 0 {
		return float64(n)
	}
	return 100
}

// Proved counts the runbook's triggers that share [Alpha].
func Proved(rb *runbook.Runbook) int {
	n := 0
	for _, t := range rb.Triggers {
		if t.Proved() {
			n++
		}
	}
	return n
}

// Warm takes an interval before the release is judged: histograms alone look back on it.
func (t *Test) Warm(counts []PodCount) { t.signal.keep(t, counts) }

// Observe takes the next interval and returns what is known at its end.
func (t *Test) Observe(counts []PodCount) Result {
	t.n++
	t.count(counts)
	t.signal.judge(t)
	t.signal.keep(t, counts)
	t.disperse()
	r := Result{Dispersion: t.phi(), Pods: [2]int{t.active(runbook.Candidate), t.active(runbook.Stable)}}
	lasting := t.lastingPhi(r.Dispersion)
	for i := range spanCount {
		r.LogE[i] = t.logE(i, r.Dispersion)
		r.WithoutPod[i] = t.signal.withoutPods(t, i, r.Dispersion, lasting)
	}
	r.Effect, r.Level, r.Gate = t.signal.effect(t)
	t.conclude(&r)
	t.forgetGone()
	return r
}

// begin notes whether the interval told anything.
func (t *Test) begin(told bool) {
	if told && t.began == 0 {
		t.began = t.n
	}
}

// A Release holds the tests of all comparative triggers of one release of a service in one
// region. It is not safe for concurrent use.
type Release struct{ tests []*Test }

// A Weight is what the candidate should get in an interval.
type Weight struct {
	Share  float64 // of the requests, 0 to 1
	Steady bool    // it has stood still, and every pod was seen, long enough to hold the traffic to it
}

// NewRelease prepares the tests, in the runbook's order. An error means that a trigger
// measures what the runbook does not declare.
func NewRelease(rb *runbook.Runbook) (*Release, error) {
	var names []string
	for _, t := range rb.Triggers {
		if t.Comparative() {
			names = append(names, t.Name)
		}
	}
	return Only(rb, names...)
}

// Only prepares the tests of these triggers alone, judged as among all of the runbook's.
func Only(rb *runbook.Runbook, triggers ...string) (*Release, error) {
	r := &Release{}
	for _, name := range triggers {
		test, err := New(rb, name)
		if err != nil {
			return nil, err
		}
		r.tests = append(r.tests, test)
	}
	return r, nil
}

// Before takes an interval before the release got traffic.
func (r *Release) Before(c Counts) {
	for _, t := range r.tests {
		counts := c[MeasureOf(t.trigger)]
		t.Warm(counts)
		t.Before(counts)
	}
}

// Warm takes an interval of the warm-up.
func (r *Release) Warm(c Counts) {
	for _, t := range r.tests {
		t.Warm(c[MeasureOf(t.trigger)])
	}
}

// Observe takes the next judged interval, and returns the results by trigger.
func (r *Release) Observe(c Counts, w Weight) map[string]Result {
	out := make(map[string]Result, len(r.tests))
	for _, t := range r.tests {
		t.Weigh(w.Share, w.Steady)
		out[t.trigger.Name] = t.Observe(c[MeasureOf(t.trigger)])
	}
	return out
}

// Smallest is [Test.Smallest] of every trigger.
func (r *Release) Smallest() map[string]float64 {
	out := make(map[string]float64, len(r.tests))
	for _, t := range r.tests {
		out[t.trigger.Name] = t.Smallest()
	}
	return out
}
