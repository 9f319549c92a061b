package analysis

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// kindOf is what a type of comparative trigger counts, and how it is judged. A
// new type is a line here and a file with its family.
func kindOf(t runbook.Trigger) (measure string, open func(*runbook.Runbook, runbook.Trigger) (signal, error)) {
	switch t.Type {
	case runbook.LatencyQuantile:
		return latencyMeasure(t.Latency), openLatency
	case runbook.KPIDrop:
		return "kpi/" + t.KPI, openKPI
	case runbook.SchemaMismatch:
		return Schema, openErrors
	case runbook.NullSpike:
		return Features, openNulls
	case runbook.DistributionShift:
		return "distribution/" + t.Distribution, openShift
	case runbook.CanaryStarved:
		return Traffic, openTraffic
	case runbook.Compare:
		return "compare/" + t.Name, openIncrease
	case runbook.ErrorIncrease:
		return Requests, openIncrease
	case runbook.ErrorRate:
		return Requests, openErrors
	}
	return "", func(*runbook.Runbook, runbook.Trigger) (signal, error) {
		return signal{}, fmt.Errorf("nothing is known of how a trigger of type %s compares", t.Type)
	}
}

// latencyMeasure is the measure of a latency; one that has a name is one of several.
func latencyMeasure(name string) string {
	if name == "" {
		return Latency
	}
	return Latency + "/" + name
}

func signalOf(rb *runbook.Runbook, t runbook.Trigger) (signal, error) {
	_, open := kindOf(t)
	return open(rb, t)
}

// MeasureOf names what a comparative trigger counts; empty for one that compares nothing.
// Triggers may share a measure.
func MeasureOf(t runbook.Trigger) string {
	if !t.Comparative() {
		return ""
	}
	measure, _ := kindOf(t)
	return measure
}

// A signal is what the two sides are compared by.
type signal struct {
	Odds
	family
	guarded   bool    // by the pod guard; the others have one of their own, or need none
	leastOdds float64 // that must remain without the worst pods
	leastPhi  float64 // the dispersion that is assumed at least
	assumed   bool    // it is never measured
	planned   bool    // there is a planning formula, see [Harm]
}

// guardBar is the log of what must remain without the worst pods.
func (s signal) guardBar() float64 { return ceil2(math.Log(s.leastOdds)) }

// A family is how triggers of one kind are counted and judged, and what is kept for that
// kind alone. Most of it is that of [events], which the others embed.
type family interface {
	counting
	earlier
	judging
	reading
}

type counting interface {
	// prepare makes what is kept of the release, by the test's windows.
	prepare(*Test)
	// remember gives a new candidate pod the totals that judging needs.
	remember(*Test, *pod)
	// count is what a pod did in an interval: opportunities and events.
	count(*Test, *PodCount) (all, bad float64)
}

type earlier interface {
	// keep takes an interval once it is judged, and those of the warm-up.
	keep(*Test, []PodCount)
	// before takes what the stable pods did in an interval before the release, and settle
	// all of them together at its beginning.
	before(*Test, []PodCount)
	settle(*Test)
}

type judging interface {
	// judge adds the interval's log likelihood ratios, and what the guard needs of each pod.
	judge(*Test)
	// apart is how far the stable pods came apart in the last five minutes, squared, and
	// how far chance would put them.
	apart(*Test) (num, den float64)
	// withoutPods is what remains in a window without the candidate pods that add most.
	withoutPods(t *Test, span int, phi, lasting float64) float64
}

type reading interface {
	// effect is the trigger's number over its window, the sides' levels that it is made of,
	// and whether it passes the gate.
	effect(*Test) (effect float64, level [2]float64, passes bool)
	// guard is the pod guard over its bar; without end where there is none.
	guard(*Test, Result) float64
	// suppose completes a hypothesis; false if there is no harm to suppose.
	suppose(*Test, *hypothesis) bool
}
