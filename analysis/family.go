package analysis

import (
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// A signal is one kind of event that the two sides are compared by.
type signal struct {
	family   Family
	quantile float64 // latency
	margin   float64 // latency: tolerated slowdown
	parted   bool    // mixed over parts: features, or bounds of a histogram
}

// signalOf is what a comparative trigger compares.
func signalOf(rb *runbook.Runbook, t runbook.Trigger) (signal, error) {
	switch t.Type {
	case runbook.LatencyQuantile:
		if rb.Metrics.Latency == nil {
			return signal{}, fmt.Errorf("metrics.latency is missing")
		}
		return signal{family: slowFamily(), quantile: t.Quantile, margin: Margin(t)}, nil
	case runbook.KPIDrop:
		kpi, ok := rb.KPI(t.KPI)
		if !ok {
			return signal{}, fmt.Errorf("kpi %q is not declared", t.KPI)
		}
		if kpi.IsMean() {
			return signal{family: meanFamily()}, nil
		}
		return signal{family: kpiFamily()}, nil
	case runbook.NullSpike:
		return signal{family: nullFamily(), parted: true}, nil
	case runbook.DistributionShift:
		if _, ok := rb.Metrics.Distribution(t.Distribution); !ok {
			return signal{}, fmt.Errorf("distribution %q is not declared", t.Distribution)
		}
		return signal{family: shiftFamily(), parted: true}, nil
	case runbook.CanaryStarved:
		return signal{family: shareFamily()}, nil
	}
	return signal{family: errorFamily()}, nil
}

// Margin is the slowdown that a latency trigger tolerates as no sign of harm: half of the
// increase, and never more than 15 %.
func Margin(t runbook.Trigger) float64 {
	if t.Increase > 0 {
		return min(tolerateSlow, float64(t.Increase)/2)
	}
	return tolerateSlow
}

func (s signal) isMean() bool    { return s.family.Name == meanFamily().Name }
func (s signal) isTraffic() bool { return s.family.Name == shareFamily().Name }

// countedBefore reports whether the dispersion of the time before a release counts: not
// of a mean, nor of traffic, whose dispersion is assumed.
func (s signal) countedBefore() bool { return !s.isMean() && !s.isTraffic() }

// leastPhi is the dispersion that is assumed at least.
func (s signal) leastPhi() float64 {
	switch s.family.Name {
	case shareFamily().Name:
		return phiTraffic
	case shiftFamily().Name:
		return phiShift
	}
	return 1
}

// guardBar is the log of what must remain without the worst pods.
func (s signal) guardBar() float64 {
	if s.isMean() {
		return ceil2(math.Log(leastMeanOdds))
	}
	return ceil2(math.Log(leastPodOdds))
}

// mostCuts is how many bounds of a distribution are looked at.
const mostCuts = 4

// Cuts are up to four bounds, evenly picked from those of the distribution.
func Cuts(d runbook.Distribution) []float64 {
	n := len(d.Buckets)
	if n <= mostCuts {
		return d.Buckets
	}
	var out []float64
	for i := range mostCuts {
		out = append(out, d.Buckets[(2*i+1)*n/(2*mostCuts)])
	}
	return out
}

// cutAt is how many buckets lie at or below each of the picked bounds.
func cutAt(d runbook.Distribution) []int {
	var out []int
	for _, cut := range Cuts(d) {
		out = append(out, slices.Index(d.Buckets, cut)+1)
	}
	return out
}
