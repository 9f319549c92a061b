package analysis

import (
	"cmp"
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// disperse compares the stable pods among themselves over the last five minutes: an A/A
// test that runs all the time. Its excess over chance divides the log e-values.
func (t *Test) disperse() {
	if t.signal.assumed {
		return
	}
	num, den := t.signal.apart(t)
	t.phiNum.add(num)
	t.phiDen.add(den)
}

// separate adds what each stable pod has beyond its part of the side's events, and how far
// chance would put them: of X events of A opportunities X (1-X/A) (1-Σa²/A²), in squares.
func (t *Test) separate(all, bad float64) {
	squares := 0.0
	for _, p := range t.pods {
		if p.role != runbook.Stable || p.gone {
			continue
		}
		d := 0.0
		if all > 0 {
			d = p.nowBad - p.nowAll*bad/all
			squares += p.nowAll * p.nowAll
		}
		p.apart.add(d)
	}
	if all <= 0 {
		t.chance.add(0)
		return
	}
	t.chance.add(bad * (1 - bad/all) * (1 - squares/(all*all)))
}

// scattered is how far the stable pods came apart in a window, squared, and how far
// chance would put them.
func (t *Test) scattered(window int) (num, den float64) {
	for _, p := range t.pods {
		d := p.apart.last(window)
		num += d * d
	}
	return num, t.chance.last(window)
}

// scatter is how far stable pods are from their common level over a window, squared,
// and how far chance would put them, which gives one opportunity a variance.
func scatter(pods []*pod, window int, variance func(level float64) float64) (num, den float64) {
	var all, bad, squares float64
	for _, p := range pods {
		if p.role == runbook.Stable {
			n := p.all.last(window)
			all, bad, squares = all+n, bad+p.bad.last(window), squares+n*n
		}
	}
	if all <= 0 {
		return 0, 0
	}
	level := bad / all
	for _, p := range pods {
		if p.role == runbook.Stable {
			d := p.bad.last(window) - p.all.last(window)*level
			num += d * d
		}
	}
	return num, variance(level) * (all - squares/all)
}

// ofShare is the variance of one opportunity of which a share are events.
func ofShare(level float64) float64 { return level * (1 - level) }

// phiHours are over how many hours of the release the dispersion is measured; the
// greatest counts.
var phiHours = [...]int{1, 3}

// phi is the greatest of what the last hour, the last three hours and, in the first
// hour, the time before the release say.
func (t *Test) phi() float64 {
	least, before := t.signal.leastPhi, t.dispersedBefore()
	switch {
	case !t.Dispersed:
		return 1
	case t.signal.assumed:
		return least
	case t.active(runbook.Stable) < LeastPods:
		return max(UnknownDispersion, least)
	}
	phi := max(least, before)
	for _, hours := range phiHours {
		if den := t.phiDen.last(hours * t.hour); den > 0 {
			phi = max(phi, t.phiNum.last(hours*t.hour)/den)
		}
	}
	return phi
}

// lastingPhi is the dispersion of the stable pods over the whole release, less one
// standard error, or phi if that is greater. Pods that differ for good do not even out,
// and the longer one looks, the surer any difference seems.
func (t *Test) lastingPhi(phi float64) float64 {
	if !t.Dispersed {
		return 1
	}
	num, den := t.scattered(since)
	if !(den > 0) {
		return phi
	}
	return max(phi, num/den-math.Sqrt(2/math.Max(float64(t.active(runbook.Stable))-1, 1)))
}

// worstPods parts the candidate pods: those that add most to the harm of a window, the worst
// first, and the others.
func (t *Test) worstPods(window int) (worst, rest []*pod) {
	for _, p := range t.pods {
		if p.role == runbook.Candidate && p.judged.last(window) > 0 {
			rest = append(rest, p)
		}
	}
	slices.SortFunc(rest, func(p, q *pod) int {
		if t.signal.Fewer() {
			p, q = q, p
		}
		return cmp.Compare(q.surplus.last(window), p.surplus.last(window))
	})
	n := min(len(rest), leftOut(t.active(runbook.Candidate)))
	return rest[:n], rest[n:]
}
