package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// closely is how far, of itself, the scenes stay from a threshold on either side: half
// of the smallest change that a mutant makes.
const closely = 0.005

// A subject is what the two sides do in the scenes of one trigger.
type subject struct {
	clean       []float64 // both sides, before and without harm
	over, under []float64 // the candidate, closely above and below the threshold, if stable stays clean
	strong      []float64 // the candidate, far above the threshold
	pairs       []pairing // further thresholds, each closely passed and closely missed
}

// A pairing is a threshold that takes both sides at once.
type pairing struct {
	name                      string
	stable, over, under       []float64 // candidate over and under, with stable as it is
	stableUnder, stableBefore []float64 // nil: stable
}

func share(bad float64) []float64 { return []float64{1 - bad, bad} }

// subjectOf makes up the mixes of a trigger.
func (b *book) subjectOf(t runbook.Trigger) (subject, error) {
	switch t.Type {
	case runbook.ErrorRate, runbook.SchemaMismatch:
		above := float64(t.Above)
		high := min(0.9, 3*above)
		return subject{clean: share(above / 5), over: share(above * (1 + closely)), under: share(above * (1 - closely)), strong: share(min(0.9, 4*above)),
			pairs: []pairing{{name: "stable has failures, too",
				stable: share(high / minErrorRatio * (1 - closely)), over: share(high), stableUnder: share(high / minErrorRatio * (1 + closely)), under: share(high)}}}, nil
	case runbook.KPIDrop:
		const base = 0.3
		least := 1 - float64(t.Drop)
		return subject{clean: share(base), over: share(base * least * (1 - closely)), under: share(base * least * (1 + closely)), strong: share(base * least / 2)}, nil
	case runbook.LatencyQuantile:
		if t.Ceiling > 0 || t.Increase == 0 || b.native() {
			return subject{}, fmt.Errorf("a ceiling and a native histogram have no exact reference")
		}
		return b.slowSubject(t)
	}
	return subject{}, fmt.Errorf("no scenes are known for %s", t.Type)
}

// slowSubject puts the candidate's quantile closely below a bound, where most of its
// requests can be slow.
func (b *book) slowSubject(t runbook.Trigger) (subject, error) {
	bounds := b.Metrics.Latency.Buckets
	for i := len(bounds) / 2; i < len(bounds); i++ {
		slow := bounds[i] * 0.98
		stable := slow / (1 + float64(t.Increase)) / (1 + closely)
		if i == 0 || stable <= bounds[0] {
			continue
		}
		s := subject{clean: b.slowMix(t.Quantile, stable), over: b.slowMix(t.Quantile, slow), under: b.slowMix(t.Quantile, slow*(1-closely)/(1+closely))}
		s.strong = make([]float64, len(bounds)+1)
		s.strong[min(i+1, len(bounds)-1)] = 1
		stall := func(more float64) []float64 {
			out := append([]float64{}, s.clean...)
			for k := range out {
				out[k] *= 1 - more
			}
			out[len(bounds)] += more
			return out
		}
		s.pairs = []pairing{{name: "requests above the highest bucket", stable: s.clean,
			over: stall(stallShare(s.clean, 0.01*(1+closely))), under: stall(stallShare(s.clean, 0.01*(1-closely)))}}
		return s, nil
	}
	return subject{}, fmt.Errorf("the histogram has no bound from which an increase of %s can be told", percent(float64(t.Increase)))
}

// stallShare is the share moved to the top, for a given difference to stable's.
func stallShare(clean []float64, difference float64) float64 {
	return difference / (1 - clean[len(clean)-1])
}

// slowMix is a histogram whose quantile is exactly at a value, with as much as possible
// in the value's bucket.
func (b *book) slowMix(q, value float64) []float64 {
	bounds := b.Metrics.Latency.Buckets
	out := make([]float64, len(bounds)+1)
	for i := 1; i < len(bounds); i++ {
		if value > bounds[i] {
			continue
		}
		at := (value - bounds[i-1]) / (bounds[i] - bounds[i-1])
		inside := min(q/at, (1-q)/math.Max(1-at, 1e-9), 0.95)
		out[i], out[i-1] = inside, q-inside*at
		out[min(i+1, len(bounds)-1)] += 1 - out[i] - out[i-1]
		break
	}
	return out
}
