package rules

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// An extra is a counter of events among the requests, a histogram of values between 0
// and 1, or a gauge.
type extra struct {
	name   string
	labels []string
	share  func(since time.Duration) float64 // of the requests
	skew   func(since time.Duration) float64 // histogram: the share at or below b is b^skew
	gauge  func(since time.Duration) float64

	total   float64
	buckets []float64
}

var scoreBounds = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}

func (e *extra) serve(rnd *rand.Rand, n float64, since time.Duration) {
	switch {
	case e.share != nil:
		e.total += sim.Binomial(rnd, n, e.share(since))
	case e.skew != nil:
		if e.buckets == nil {
			e.buckets = make([]float64, len(scoreBounds)+1)
		}
		below := 0.0
		for i := range e.buckets {
			share := 1.0
			if i < len(scoreBounds) {
				share = math.Pow(scoreBounds[i], e.skew(since))
			}
			k := sim.Binomial(rnd, n, (share-below)/max(1-below, 1e-12))
			n, below = n-k, share
			e.buckets[i] += k
		}
	}
}

func (e *extra) scrape(put func(string, float64, ...string), since time.Duration) {
	switch {
	case e.share != nil:
		put(e.name, e.total, e.labels...)
	case e.gauge != nil:
		put(e.name, e.gauge(since), e.labels...)
	default:
		sum := 0.0
		for i, n := range e.buckets {
			sum += n
			le := "+Inf"
			if i < len(scoreBounds) {
				le = strconv.FormatFloat(scoreBounds[i], 'g', -1, 64)
			}
			put(e.name+"_bucket", sum, append([]string{"le", le}, e.labels...)...)
		}
	}
}

func since(w *world, at time.Time) time.Duration { return at.Sub(w.start) }

// with adds an extra of its own to each pod.
func with(pods []*pod, make func(p *pod) *extra) []*pod {
	for _, p := range pods {
		if e := make(p); e != nil {
			p.extras = append(p.extras, e)
		}
	}
	return pods
}

// counts adds a counter that has one share on stable, and another on the candidate
// from the onset on.
func counts(pods []*pod, name string, good, bad float64, labels ...string) []*pod {
	return with(pods, func(p *pod) *extra {
		e := &extra{name: name, labels: labels, share: constant(good)}
		if p.candidate() {
			e.share = after(onset, good, bad)
		}
		return e
	})
}

// data is the ranker with metrics about its data, and the triggers alone.
func data(triggers ...runbook.Trigger) *runbook.Runbook {
	rb := ranker("ranker")
	rb.Triggers = triggers
	rb.Metrics.Features = &runbook.FeatureNulls{Nulls: "nulls_total", Rows: "rows_total", Label: "feature"}
	rb.Metrics.Schema = &runbook.Schemas{Mismatches: "mismatches_total", Checked: "requests_total"}
	rb.Metrics.Distributions = []runbook.Distribution{{Name: "score", Histogram: "score", Kind: runbook.Classic, Buckets: scoreBounds}}
	rb.Metrics.Drift = &runbook.Drift{Selector: `job="ranker"`, Score: "ml_drift_score", Threshold: "ml_drift_threshold", LastRun: "ml_drift_last_run_timestamp_seconds", MaxAge: dur(20 * time.Minute)}
	return rb
}
