package stat

import "math"

// A Histogram counts positive numbers in 16 equal buckets for each doubling, so that a
// quantile is at most 6.3 % too great, from 1e-12 to 1e12. Zero and what lies below is
// one bucket, what lies above another. It takes about 5 kB once used, and nothing before.
type Histogram struct {
	counts []uint32
	N      int64
	max    float64
}

const (
	perDoubling = 16
	lowExponent = -40 // 2^-40 ≈ 9.1e-13
	doublings   = 80
	buckets     = perDoubling*doublings + 2
)

func (h *Histogram) Add(v float64) {
	if h.counts == nil {
		h.counts = make([]uint32, buckets)
	}
	h.counts[bucketOf(v)]++
	h.N++
	h.max = math.Max(h.max, v)
}

func bucketOf(v float64) int {
	if !(v > 0) {
		return 0
	}
	fraction, exponent := math.Frexp(v) // v = fraction·2^exponent, fraction in [½, 1)
	i := (exponent-1-lowExponent)*perDoubling + int((fraction*2-1)*perDoubling)
	return max(0, min(i, buckets-2)) + boolInt(i >= 0)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// upper returns the upper edge of bucket i.
func upper(i int) float64 {
	if i <= 0 {
		return math.Ldexp(1, lowExponent)
	}
	i--
	return math.Ldexp(1+float64(i%perDoubling+1)/perDoubling, lowExponent+i/perDoubling)
}

// Quantile returns the upper edge of the bucket in which the q-quantile lies, at most
// the greatest number seen; NaN of an empty histogram.
func (h *Histogram) Quantile(q float64) float64 {
	if h.N == 0 {
		return math.NaN()
	}
	rank := int64(math.Ceil(q * float64(h.N)))
	for i, seen := 0, int64(0); i < len(h.counts); i++ {
		if seen += int64(h.counts[i]); seen >= max(rank, 1) {
			if i == 0 {
				return 0
			}
			return math.Min(upper(i), h.max)
		}
	}
	return h.max
}

// SlowerP returns the p-value of "the candidate's q-quantile is at most ratio times
// stable's". For every time t, exact binomial tails say how likely so many of the
// candidate's answers above t are if its quantile were below t, and so few of stable's
// above t/ratio if its quantile were above that; the best t counts, twice.
func SlowerP(candidate, stable *Histogram, q, ratio float64) float64 {
	if candidate.N == 0 || stable.N == 0 {
		return 1
	}
	best, slow := 1.0, candidate.N
	for i := range candidate.counts {
		slow -= int64(candidate.counts[i])
		if candidate.counts[i] == 0 {
			continue
		}
		edge := upper(i)
		// The bucket that holds edge/ratio counts as above it, which is the careful side.
		calm := stable.above(bucketOf(edge/ratio) - 1)
		p := math.Max(BinomialAtLeast(slow, candidate.N, 1-q), BinomialAtMost(calm, stable.N, 1-q))
		best = math.Min(best, 2*p)
	}
	return best
}

// above counts the numbers in the buckets after i.
func (h *Histogram) above(i int) (n int64) {
	for _, c := range h.counts[max(0, i+1):] {
		n += int64(c)
	}
	return n
}
