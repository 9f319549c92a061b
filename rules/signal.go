package rules

import "github.com/autorollback/autorollback/runbook"

// A signal is one kind of event that the two sides are compared by, as [Reference] and
// [Plan] know it. No rule reads it.
type signal struct {
	name     string
	family   family
	quantile float64 // latency
	margin   float64 // latency: tolerated slowdown
	parts    *parts  // it is mixed over features, or over bounds of a histogram
}

type parts struct{}

// trafficSignal compares what the candidate gets with what it should get.
const trafficSignal = "traffic"

// comparative reports whether the trigger holds events of the candidate against
// events of stable.
func comparative(t runbook.Trigger) bool {
	return !t.Absolute() && t.Type != runbook.Anomaly && t.Type != runbook.DriftGauge
}

// signalOf names what a comparative trigger compares.
func (b *book) signalOf(t runbook.Trigger) signal {
	switch t.Type {
	case runbook.LatencyQuantile:
		return latencySignal(t)
	case runbook.KPIDrop:
		s := signal{name: "kpi_" + t.KPI, family: kpiFamily()}
		if kpi, _ := b.KPI(t.KPI); kpi.IsMean() {
			s.family = meanFamily()
		}
		return s
	case runbook.SchemaMismatch:
		return signal{name: "schema", family: errorFamily()}
	case runbook.NullSpike:
		return signal{name: "nulls", family: nullFamily(), parts: &parts{}}
	case runbook.DistributionShift:
		return signal{name: "shift_" + t.Distribution, family: shiftFamily(), parts: &parts{}}
	case runbook.CanaryStarved:
		return signal{name: trafficSignal, family: shareFamily()}
	case runbook.Compare:
		return signal{name: "compare_" + t.Name, family: errorFamily()}
	default:
		return signal{name: "errors", family: errorFamily()}
	}
}

// latencySignal tolerates half of the increase, and never more than tolerateSlow.
func latencySignal(t runbook.Trigger) signal {
	s := signal{family: slowFamily(), quantile: t.Quantile, margin: tolerateSlow}
	if t.Increase > 0 {
		s.margin = min(tolerateSlow, float64(t.Increase)/2)
	}
	s.name = "latency_" + percentile(s.quantile)
	if s.margin < tolerateSlow {
		s.name += "_within_" + num(s.margin*100)
	}
	return s
}

// comparatives is how many triggers share the chance of a false alarm.
func (b *book) comparatives() int {
	n := 0
	for _, t := range b.Triggers {
		if t.Proved() {
			n++
		}
	}
	return n
}
