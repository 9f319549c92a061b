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
