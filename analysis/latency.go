package analysis

import (
	"errors"
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// latency is of a request duration histogram, whose events are slow requests.
type latency struct {
	events
	quantile, margin float64 // the tolerated slowdown
	scale            scale
	unit             runbook.Unit // of the histogram; effects and levels are in seconds
	hist             [2]histograms
	limit            float64          // what was slow one interval ago; NaN: unknown
	past             []pastHistograms // of before the release: what is slow is known at the end only
}

func openLatency(rb *runbook.Runbook, t runbook.Trigger) (signal, error) {
	l, ok := rb.Metrics.LatencyOf(t.Latency)
	if !ok || l.IsMean() {
		return signal{}, errors.New("metrics.latency is missing, or no histogram")
	}
	f := &latency{quantile: t.Quantile, margin: Margin(t), limit: math.NaN(), scale: scale{bounds: l.Buckets}, unit: l.Unit}
	if l.Kind == runbook.Native {
		f.scale = scale{exponential: true}
	}
	s, err := errorSignal(events{})
	s.Odds, s.family = slowOdds(), f
	return s, err
}

// Margin is the slowdown that a latency trigger tolerates as no sign of harm: half of the
// increase, and never more than 15 %.
func Margin(t runbook.Trigger) float64 {
	if t.Increase > 0 {
		return min(tolerateSlow, float64(t.Increase)/2)
	}
	return tolerateSlow
}

func (f *latency) prepare(t *Test) {
	for side := range f.hist {
		f.hist[side].keep = max(t.level, t.gate)
	}
}

// keep adds the interval to the sides' histograms, and reads from them what is
// slow: for the candidate above a limit taken from the stable side's quantile one interval
// earlier, so that it is known before the requests are counted, and raised by the margin;
// for stable above the same limit without the margin. So a candidate that is slower by no
// more than the margin gives no sign of harm.
func (f *latency) keep(t *Test, counts []PodCount) {
	f.recall(counts)
	if t.n == 0 { // nothing is slow before the release is judged, nor in its first interval
		return
	}
	f.limit = math.NaN()
	if stable := f.hist[index(runbook.Stable)].last(t.level - 1); stable != nil {
		if limit := f.scale.slowFrom(f.quantile, f.margin, stable); limit > 0 {
			f.limit = limit
		}
	}
}

func (f *latency) judge(t *Test) { t.judgeEvents(!math.IsNaN(f.limit)) }

// addTo adds a pod's buckets to a side's, whichever kind they are.
func (f *latency) addTo(sum []float64, c *PodCount) []float64 {
	buckets := f.buckets(c)
	for len(sum) < len(buckets) {
		sum = append(sum, 0)
	}
	for i, v := range buckets {
		sum[i] += v
	}
	return sum
}

func (f *latency) buckets(c *PodCount) []float64 {
	if c.Native != nil {
		return f.dense(c.Native)
	}
	return c.Buckets
}

func (f *latency) count(_ *Test, c *PodCount) (all, bad float64) { return f.slow(c, f.limit) }

// slow counts a pod's observations, and those above the limit.
func (f *latency) slow(c *PodCount, limit float64) (all, bad float64) {
	buckets := f.buckets(c)
	all = sumOf(buckets)
	if c.Role == runbook.Stable {
		limit /= 1 + f.margin
	}
	if share := f.scale.above(limit, buckets); share >= 0 {
		return all, all * share
	}
	return all, 0
}

// Slowdown is the ratio of candidate's and stable's quantile as read from classic
// histograms of these bounds, and whether an increase passes the trigger's gate: by the
// ratio, or by [TopGap] more above the highest bound. Counts are one for
// each bound, and the last one for all above. NaN without observations.
func Slowdown(t runbook.Trigger, bounds, candidate, stable []float64) (ratio float64, passes bool) {
	return scale{bounds: bounds}.slowdown(t, candidate, stable)
}

func (s scale) slowdown(t runbook.Trigger, candidate, stable []float64) (ratio float64, passes bool) {
	ratio = s.quantile(t.Quantile, candidate) / s.quantile(t.Quantile, stable)
	more := 0.0
	if !s.exponential {
		more = s.above(s.top(), candidate) - s.above(s.top(), stable)
	}
	return ratio, ratio > 1+float64(t.Increase) || !math.IsNaN(ratio) && more > TopGap
}

// SlowShares are the shares of candidate's and stable's observations that count as slow to
// a latency trigger, from steady classic histograms of these bounds.
func SlowShares(t runbook.Trigger, bounds, candidate, stable []float64) (slow, usual float64) {
	s, margin := scale{bounds: bounds}, Margin(t)
	limit := s.slowFrom(t.Quantile, margin, stable)
	return s.above(limit, candidate), s.above(limit/(1+margin), stable)
}

// slowFrom is from where on the candidate is slow: stable's quantile, raised by the margin,
// and within the histogram. NaN if stable has no observations.
func (s scale) slowFrom(quantile, margin float64, stable []float64) float64 {
	return min(s.top(), (1+margin)*s.quantile(quantile, stable))
}

// pastHistograms are those of the stable pods in one interval before the release.
type pastHistograms struct {
	scale  scale
	pods   []string
	counts []float32 // of one pod after the other; whole numbers far below 2^24, so nothing is lost
}

// pack keeps an interval's histograms in little memory.
func (f *latency) pack(counts []PodCount) pastHistograms {
	for _, c := range counts {
		f.learn(c.Native)
	}
	out := pastHistograms{scale: f.scale}
	for k := range counts {
		out.pods = append(out.pods, counts[k].Pod)
		for _, v := range f.addTo(make([]float64, len(f.scale.bounds)+1), &counts[k]) {
			out.counts = append(out.counts, float32(v))
		}
	}
	return out
}

// unpack gives them back by the bounds that are known now.
func (p pastHistograms) unpack(now scale) []PodCount {
	var out []PodCount
	size := len(p.scale.bounds) + 1
	for i, pod := range p.pods {
		counts := make([]float64, size)
		for k := range counts {
			counts[k] = float64(p.counts[i*size+k])
		}
		if len(now.bounds) != len(p.scale.bounds) {
			counts = now.spread(p.scale, counts)
		}
		out = append(out, PodCount{Pod: pod, Role: runbook.Stable, Buckets: counts})
	}
	return out
}

func (f *latency) before(t *Test, counts []PodCount) {
	f.past = append(f.past, f.pack(counts))
	f.past = f.past[max(0, len(f.past)-t.hour-t.level):]
}

// settle counts what was slow over the whole hour as slow in each interval.
func (f *latency) settle(t *Test) {
	past, all := f.past, make([]float64, len(f.scale.bounds)+1)
	f.past = nil
	for _, p := range past[max(0, len(past)-t.hour):] {
		counts := p.unpack(f.scale)
		for k := range counts {
			all = f.addTo(all, &counts[k])
		}
	}
	limit := (1 + f.margin) * f.scale.quantile(f.quantile, all)
	for _, p := range past {
		t.before.take(t, p.unpack(f.scale), func(_ *Test, c *PodCount) (float64, float64) { return f.slow(c, limit) })
	}
}

// effect is the ratio of the quantiles, or a whole percentage point more above the
// highest bound, or a candidate above the ceiling and slower than stable.
func (f *latency) effect(t *Test) (effect float64, level [2]float64, passes bool) {
	x := t.trigger
	candidate, stable := slices.Clone(f.hist[0].last(t.gate-1)), f.hist[1].last(t.gate-1)
	level = [2]float64{f.seconds(f.scale.quantile(x.Quantile, candidate)), f.seconds(f.scale.quantile(x.Quantile, stable))}
	ratio, slower := f.scale.slowdown(x, candidate, stable)
	if effect = level[0]; x.Increase > 0 {
		effect, passes = ratio, slower
	}
	if x.Ceiling > 0 {
		passes = passes || level[0] > x.Ceiling.Std().Seconds() && ratio > 1
	}
	return effect, level, passes
}

// seconds makes seconds of a value of the histogram.
func (f *latency) seconds(v float64) float64 { return v / f.unit.PerSecond() }

// mostTimes is the greatest slowdown that is looked at.
const mostTimes = 20

// suppose has sizes that are how many times slower the candidate is.
func (f *latency) suppose(t *Test, h *hypothesis) bool {
	return t.supposeEvents(h, func(float64) sizes {
		seen := slices.Clone(f.hist[1].last(t.gate))
		quantile := f.scale.quantile(f.quantile, seen)
		if !(f.limit > 0) || !(quantile > 0) {
			return sizes{}
		}
		out := sizes{[2]float64{1, mostTimes}, func(size float64) float64 { return f.scale.above(f.limit/size, seen) }, same}
		if t.trigger.Increase == 0 {
			out.effect = func(size float64) float64 { return f.seconds(size * quantile) }
		}
		return out
	})
}
