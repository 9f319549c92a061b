package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// readEffect is the trigger's number over its window, and whether it passes the gate. It
// models what the alert's own PromQL says, which sees one growth less than there are
// samples in a window, and no births.
func (t *Test) readEffect(r *Result) {
	switch {
	case t.trigger.Type == runbook.LatencyQuantile:
		t.readLatency(r)
	case t.signal.parted:
		r.Level = [2]float64{math.NaN(), math.NaN()}
		r.Effect = t.partEffect()
		r.Gate = r.Effect > t.partLimit()
		if t.trigger.PSI > 0 {
			r.Gate = r.Effect > t.trigger.PSI
		}
	case t.signal.isTraffic():
		got := t.sum(runbook.Candidate, func(p *pod) *total { return &p.all })
		r.Level = [2]float64{got, t.due.last(t.gate)}
		r.Effect = r.Level[0] / r.Level[1]
		r.Gate = r.Effect < float64(t.trigger.Below)
	default:
		r.Level = [2]float64{t.share(runbook.Candidate), t.share(runbook.Stable)}
		t.readShares(r)
	}
}

func (t *Test) sum(role runbook.Role, of func(*pod) *total) float64 {
	sum := 0.0
	for _, p := range t.pods {
		if p.role == role {
			sum += of(p).last(t.gate)
		}
	}
	return sum
}

// share is a side's events, or values, per opportunity over the window.
func (t *Test) share(role runbook.Role) float64 {
	return t.visible(0, role, t.sum(role, opportunities), t.sum(role, events))
}

func (t *Test) readShares(r *Result) {
	x, candidate, stable := t.trigger, r.Level[0], r.Level[1]
	switch x.Type {
	case runbook.KPIDrop:
		r.Effect = candidate / stable
		r.Gate = r.Effect < 1-float64(x.Drop)
	case runbook.ErrorIncrease, runbook.Compare:
		r.Effect = candidate - stable
		r.Gate = r.Effect > float64(x.By) && candidate > x.MinRatio*stable
	default:
		r.Effect = candidate
		r.Gate = candidate > float64(x.Above) && candidate > MinErrorRatio*stable
	}
}

// readLatency is the ratio of the quantiles, or a whole percentage point more above the
// highest bound, or a candidate above the ceiling and slower than stable.
func (t *Test) readLatency(r *Result) {
	x := t.trigger
	candidate := append([]float64(nil), t.hist[0].last(t.gate-1)...)
	stable := t.hist[1].last(t.gate - 1)
	r.Level = [2]float64{t.scale.quantile(x.Quantile, candidate), t.scale.quantile(x.Quantile, stable)}
	ratio, slower := t.scale.slowdown(x, candidate, stable)
	if r.Effect = ratio; x.Increase > 0 {
		r.Gate = slower
	} else {
		r.Effect = r.Level[0]
	}
	if x.Ceiling > 0 {
		r.Gate = r.Gate || r.Level[0] > x.Ceiling.Std().Seconds() && ratio > 1
	}
}
