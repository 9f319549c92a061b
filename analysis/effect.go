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

// births are what series of one side counted from zero when they appeared. An event counts
// from the first one on, so it does for significance. The gate is PromQL's rate(), to which
// the first sample of a series is only where growth begins: it sees the series from the
// second sample on, and what the first one held never. So the effect leaves births out
// while they lie in its window.
//
// A series that comes back after longer than the window is new to the gate as well; of that
// one the effect counts what it grew meanwhile.
type births []birth

type birth struct {
	interval int
	PartCount
}

// add notes what was born in an interval, and forgets what lies before the window.
func (b *births) add(interval, window int, born PartCount) {
	for len(*b) > 0 && (*b)[0].interval <= interval-window {
		*b = (*b)[1:]
	}
	if n := len(*b); n > 0 && (*b)[n-1].interval == interval {
		(*b)[n-1].All += born.All
		(*b)[n-1].Bad += born.Bad
		return
	}
	*b = append(*b, birth{interval, born})
}

// last is what was born in the newest intervals.
func (b births) last(interval, window int) (born PartCount) {
	for _, x := range b {
		if x.interval > interval-window {
			born.All += x.All
			born.Bad += x.Bad
		}
	}
	return born
}

// noteBirths keeps what a pod's series counted from zero.
func (t *Test) noteBirths(c PodCount) {
	note := func(part int, born PartCount) {
		if born == (PartCount{}) {
			return
		}
		for len(t.born) <= part {
			t.born = append(t.born, [2]births{})
		}
		t.born[part][index(c.Role)].add(t.n, t.gate, born)
	}
	note(0, c.Born)
	for part, born := range c.BornParts {
		note(part, born)
	}
}

// visible is the share of events that the gate sees in its window, of one part of what is
// counted in parts and else of part 0.
func (t *Test) visible(part int, role runbook.Role, all, bad float64) float64 {
	if part < len(t.born) {
		born := t.born[part][index(role)].last(t.n, t.gate)
		all, bad = all-born.All, bad-born.Bad
	}
	return bad / all
}
