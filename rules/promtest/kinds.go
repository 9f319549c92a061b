package promtest

import (
	"github.com/autorollback/autorollback/runbook"
)

// A kind is how the tests play one type of trigger: the ways across its threshold, and the
// series by which a side plays a mix.
type kind struct {
	edges  func(b *compiled, t runbook.Trigger) ([]edge, error)
	series func(b *compiled, t runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error)
	more   func(s *scenario, e edge) // scenarios that only this type has

	traffic bool // judged by what a side gets, which may be nothing; not right after a weight moved
	gauge   bool // reads the present moment of the candidate alone, and no window
}

var kinds = map[runbook.TriggerType]kind{
	runbook.LatencyQuantile: {edges: latencyEdges, series: latencySeries},
	runbook.LatencyMean:     {edges: meanEdges, series: latencySeries},
	runbook.ErrorRate:       {edges: errorEdges, series: requestSeries},
	runbook.ErrorIncrease:   {edges: increaseEdges, series: requestSeries},
	runbook.KPIDrop: {
		edges: func(_ *compiled, t runbook.Trigger) ([]edge, error) {
			left := func(drop float64) float64 { return 1 - float64(t.Drop)*drop }
			return []edge{{"the drop", share(0.1), share(0.1), share(0.1 * left(1+closely)), share(0.1 * left(1-closely)), left(1 + closely)}}, nil
		},
		series: func(b *compiled, t runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
			k, _ := b.KPI(t.KPI)
			return b.twoCounters(b.Metrics.Select(k.GainSeries()), b.Metrics.Select(k.TrialSeries()), b.sideOf(role), p, steps)
		},
	},
	runbook.CanaryStarved: {edges: starvedEdges, series: requestSeries, more: (*scenario).weightMoves, traffic: true},
	runbook.Compare: {
		edges: increaseEdges,
		series: func(b *compiled, t runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
			return b.twoCounters(b.within(t.Bad), b.within(t.All), b.sideOf(role), p, steps)
		},
	},
	runbook.NullSpike: {
		edges: func(_ *compiled, t runbook.Trigger) ([]edge, error) {
			by := float64(t.By)
			worst := func(v float64) mix { return mix{plenty * v, plenty * 0.02, plenty} }
			return []edge{{"the worst feature", worst(0.01), worst(0.01), worst(0.01 + by*(1+closely)), worst(0.01 + by*(1-closely)), by * (1 + closely)}}, nil
		},
		series: func(b *compiled, _ runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
			return b.features(b.sideOf(role), p, steps)
		},
	},
	runbook.SchemaMismatch: {
		edges: errorEdges,
		series: func(b *compiled, _ runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
			return b.twoCounters(b.Metrics.Select(b.Metrics.Schema.Mismatched()), b.Metrics.Select(b.Metrics.CheckedBy()[0]), b.sideOf(role), p, steps)
		},
	},
	runbook.DistributionShift: {
		edges: shiftEdges,
		series: func(b *compiled, t runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
			d, _ := b.Metrics.Distribution(t.Distribution)
			return b.buckets(d.BucketSeries(), d.Buckets, b.sideOf(role), p, steps)
		},
	},
	runbook.DriftGauge: {
		edges: func(_ *compiled, _ runbook.Trigger) ([]edge, error) {
			score := func(times float64) mix { return mix{0.2 * times, 0.2} }
			return []edge{{"the threshold", score(1 - closely), score(0.5), score(1 + closely), score(1 - closely), 1 + closely}}, nil
		},
		series: func(b *compiled, _ runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
			return b.drifts(role, p, steps)
		},
		more: (*scenario).expires, gauge: true,
	},
	runbook.AbsoluteSLO: {
		series: func(b *compiled, t runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
			if t.Ceiling > 0 {
				return latencySeries(b, t, role, p, steps)
			}
			return requestSeries(b, t, role, p, steps)
		},
	},
}

func requestSeries(b *compiled, _ runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
	all, failed := b.Metrics.Requests.All(), b.Metrics.Requests.Failed()
	if len(all) > 1 {
		return b.apart(failed, all[0], b.sideOf(role), p, steps)
	}
	return b.twoCounters(b.Metrics.Select(failed), b.Metrics.Select(all[0]), b.sideOf(role), p, steps)
}

func latencySeries(b *compiled, t runbook.Trigger, role runbook.Role, p timeline, steps int) ([]series, error) {
	l, _ := b.Metrics.LatencyOf(t.Latency)
	if l.IsMean() {
		return b.apart(l.SumSeries(), l.CountSeries(), b.sideOf(role), p, steps)
	}
	return b.buckets(l.HistogramSeries(), l.Buckets, b.sideOf(role), p, steps)
}

// starvedEdges give the candidate parts of its share of all requests.
func starvedEdges(_ *compiled, t runbook.Trigger) ([]edge, error) {
	below := float64(t.Below)
	gets := func(part float64) mix {
		c := candidateWeight / 100.0 * part
		return mix{plenty * c / (1 - c), 0}
	}
	return []edge{{"the share", mix{plenty, 0}, gets(1), gets(below * (1 - closely)), gets(below * (1 + closely)), below * (1 - closely)}}, nil
}
