package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// keepHistograms adds the interval to the sides' histograms, and reads from them what is
// slow: for the candidate above a limit taken from the stable side's quantile one interval
// earlier, so that it is known before the requests are counted, and raised by the margin;
// for stable above the same limit without the margin. So a candidate that is slower by no
// more than the margin gives no sign of harm.
func (t *Test) keepHistograms(counts []PodCount) {
	if t.trigger.Type != runbook.LatencyQuantile {
		return
	}
	for _, c := range counts {
		if c.Native != nil {
			t.learn(c.Native)
		}
	}
	for side := range t.hist {
		now := make([]float64, len(t.scale.bounds)+1)
		for _, c := range counts {
			if index(c.Role) == side {
				now = t.addTo(now, c)
			}
		}
		t.hist[side].add(now)
	}
	if t.n == 0 { // nothing is slow before the release is judged, nor in its first interval
		return
	}
	stable := t.hist[index(runbook.Stable)].last(t.level - 1)
	t.limit = math.NaN()
	if stable == nil {
		return
	}
	if limit := t.scale.slowFrom(t.signal.quantile, t.signal.margin, stable); limit > 0 {
		t.limit = limit
	}
}

// addTo adds a pod's buckets to a side's, whichever kind they are.
func (t *Test) addTo(sum []float64, c PodCount) []float64 {
	buckets := t.buckets(c)
	for len(sum) < len(buckets) {
		sum = append(sum, 0)
	}
	for i, v := range buckets {
		sum[i] += v
	}
	return sum
}

func (t *Test) buckets(c PodCount) []float64 {
	if c.Native != nil {
		return t.dense(c.Native)
	}
	return c.Buckets
}

// slow counts a pod's observations, and those above the limit.
func (t *Test) slow(c PodCount, limit float64) (all, bad float64) {
	buckets := t.buckets(c)
	all = sumOf(buckets)
	if c.Role == runbook.Stable {
		limit /= 1 + t.signal.margin
	}
	if share := t.scale.above(limit, buckets); share >= 0 {
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
func (t *Test) pack(counts []PodCount) pastHistograms {
	for _, c := range counts {
		t.learn(c.Native)
	}
	out := pastHistograms{scale: t.scale}
	for _, c := range counts {
		out.pods = append(out.pods, c.Pod)
		for _, v := range t.addTo(make([]float64, len(t.scale.bounds)+1), c) {
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

// readPast takes the histograms of before the release: what was slow over the whole hour
// is slow in each interval.
func (b *before) readPast(t *Test) {
	if b.past == nil {
		return
	}
	all := make([]float64, len(t.scale.bounds)+1)
	for _, p := range b.past[max(0, len(b.past)-t.hour):] {
		for _, c := range p.unpack(t.scale) {
			all = t.addTo(all, c)
		}
	}
	limit := (1 + t.signal.margin) * t.scale.quantile(t.signal.quantile, all)
	for _, p := range b.past {
		b.take(t, p.unpack(t.scale), limit)
	}
}
