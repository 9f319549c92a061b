package rules

import (
	"fmt"
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// PodCount is what one pod did in one interval: the growth of its counters. A pod that
// was not scraped, or whose counters were reset, is left out of that interval.
type PodCount struct {
	Pod  string
	Role runbook.Role
	// All and Bad are opportunities and events: requests and failed requests, or trials
	// and successes or values. For a latency trigger they are ignored; Buckets count instead.
	All, Bad float64
	// Squares are of a KPI that is a mean, whose values in this interval are Bad.
	Squares float64
	// Buckets are the observations in each bucket, not cumulative: one for each bound of
	// the runbook's histogram, and the last one for all above.
	Buckets []float64
	// Parts are those of a null_spike trigger, which looks at nothing else: one for each
	// feature, always in the same order.
	Parts []PartCount
}

// PartCount is what one pod did in one interval for one part of a signal: rows and
// missing values of a feature.
type PartCount struct{ All, Bad float64 }

// A Reference is the decision of one comparative trigger in plain Go, from the same
// counts that the generated rules work on: effect gate, evidence over the windows
// release, 3h, 30m and 5m, dispersion of the stable pods, the pod guard. It is thousands of
// times faster than Prometheus, for simulations and calibration, and never decides
// anything in production. One Reference is one release
// of one service in one region; it is not safe for concurrent use.
type Reference struct {
	trigger            runbook.Trigger
	signal             signal
	bounds             []float64
	release, trailing  float64 // evidence bars
	guard              float64 // bar of the evidence without a pod
	windows            [spanCount]int
	level, hour, gate  int // in intervals
	n                  int // intervals observed
	began              int // the first of them that told anything; 0: none yet
	ratios             []trail
	pods               []*podTrail
	phiNum, phiDen     trail
	chance             trail // how far chance would put the stable pods, in squares
	before             beforeTrail
	means              meanTrail
	histograms         [2]histogramTrail
	limit              float64 // latency: what was slow one interval ago; NaN: unknown
	mixed              []partTrail
	cuts               []int   // distribution_shift: how many buckets lie below each picked bound
	wanted             float64 // canary_starved: the share that the candidate should get; NaN: unknown
	due                trail   // canary_starved: the requests that it should have got
	Dispersion, Guards bool    // false takes that part out, to see what it is good for
}

const spanCount = 4

// A Verdict is what the rules hold at the end of an interval.
type Verdict struct {
	Effect     float64            // as in the alert's value; NaN without data
	Evidence   [spanCount]float64 // log e-values of release, 3h, 30m, 5m; NaN for what is longer than the release
	WithoutPod [spanCount]float64 // what remains without the most harmful pods, see the pod guard; NaN for 3h, and without data
	Phi        float64            // dispersion that divided them
	Pods       int                // candidate pods that did anything lately
	Gate       bool               // the effect is as large as the runbook says
	Proved     bool               // the evidence is over its bar
	Guarded    bool               // and does not hang on one pod
}

// Fires reports whether the alert's expression holds. The alert itself keeps firing
// for four more intervals.
func (v Verdict) Fires() bool { return v.Gate && v.Proved && v.Guarded }

// NewReference prepares the decision of the runbook's trigger of that name. An
// absolute_slo, which compares nothing, and a native histogram are errors.
func NewReference(rb *runbook.Runbook, trigger string) (*Reference, error) {
	b, err := open(rb)
	if err != nil {
		return nil, fmt.Errorf("reference of %s: %w", rb.Service, err)
	}
	t, ok := b.Trigger(trigger)
	switch {
	case !ok:
		return nil, fmt.Errorf("reference of %s: no trigger %q", rb.Service, trigger)
	case !planned(t) || !comparative(t):
		return nil, fmt.Errorf("reference of %s: %s has no reference", rb.Service, t.Type)
	}
	return b.reference(t)
}

func (b *book) reference(t runbook.Trigger) (*Reference, error) {
	rb := b.Runbook
	if t.Type == runbook.LatencyQuantile && b.native() {
		return nil, fmt.Errorf("reference of %s: native histograms have no reference", rb.Service)
	}
	every := b.Metrics.Interval
	intervals := func(d time.Duration) int { return int(d / every.Std()) }
	r := &Reference{
		trigger: t, signal: b.signalOf(t), limit: math.NaN(), wanted: math.NaN(), guard: b.signalOf(t).guardBar(),
		level: intervals(5 * time.Minute), hour: intervals(time.Hour), gate: intervals(t.For.Std()),
		Dispersion: true, Guards: true,
	}
	release, trailing := bars(b.comparatives(), every)
	r.release, r.trailing = ceil2(release), ceil2(trailing)
	for i, s := range spans() {
		d, err := runbook.ParseDuration(s.length)
		if err != nil {
			return nil, fmt.Errorf("reference of %s: %w", rb.Service, err)
		}
		r.windows[i] = intervals(d.Std())
	}
	r.ratios = make([]trail, len(r.signal.family.thetas))
	if t.Type == runbook.LatencyQuantile {
		r.bounds = b.Metrics.Latency.Buckets
	}
	if d, ok := b.Metrics.Distribution(t.Distribution); ok && t.Type == runbook.DistributionShift {
		r.cuts = cutAt(d)
	}
	if r.signal.parts != nil {
		r.ratios = nil // one for each part, once parts are seen
	}
	return r, nil
}

// ceil2 rounds as [up] writes a threshold.
func ceil2(v float64) float64 { return math.Ceil(v*100) / 100 }

// Warm takes an interval before the release is judged: histograms alone look back on it.
func (r *Reference) Warm(counts []PodCount) { r.keep(counts) }

// Observe takes the next interval and returns what the rules would hold at its end.
func (r *Reference) Observe(counts []PodCount) Verdict {
	r.n++
	known := r.count(counts)
	r.judge(known)
	r.disperse()
	v := Verdict{Phi: r.phi(), Pods: r.active(runbook.Candidate), Effect: math.NaN()}
	lasting := r.lastingPhi(v.Phi)
	for i, w := range r.windows {
		v.Evidence[i] = r.evidence(i, v.Phi)
		v.WithoutPod[i] = math.NaN()
		if s := spans()[i]; s.guarded && r.signal.family.guarded {
			v.WithoutPod[i] = r.withoutPods(w)/lasting - s.penalty()
		} else if r.signal.isMean() {
			v.WithoutPod[i] = r.meanWithoutPod(i, v.Phi)
		}
		bar := r.trailing
		if i == 0 {
			bar = r.release
		}
		v.Proved = v.Proved || v.Evidence[i] > bar
		v.Guarded = v.Guarded || v.WithoutPod[i] > r.guard
	}
	v.Guarded = v.Guarded || v.Pods == 1 || !r.Guards
	if !r.signal.family.guarded && !r.signal.isMean() {
		v.Guarded = !r.Guards || r.otherGuard()
	}
	v.Effect, v.Gate = r.effect()
	return v
}

// evidence is the log of the mean of the e-values over the grid.
func (r *Reference) evidence(span int, phi float64) float64 {
	if !r.judges(span) {
		return math.NaN()
	}
	sum := 0.0
	for i := range r.ratios {
		sum += math.Exp(min(max(r.ratios[i].last(r.windows[span])/phi, -600), 600))
	}
	return math.Log(sum / float64(len(r.ratios)))
}

// tells notes whether the interval told anything.
func (r *Reference) tells(is bool) {
	if is && r.began == 0 {
		r.began = r.n
	}
}

// judges reports whether there is evidence of a span: of the release from the first
// interval on that told anything, of a trailing window once there is something before it.
func (r *Reference) judges(span int) bool {
	if span == 0 {
		return r.began > 0
	}
	return r.began > 0 && r.n-r.began >= r.windows[span]
}
