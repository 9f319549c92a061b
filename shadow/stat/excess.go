package stat

import (
	"cmp"
	"math"
	"slices"
)

// z95 is the two-sided 95 % quantile of the normal distribution. The bounds that are
// shown use it; the decisions use exact tests, see [excessP].
const z95 = 1.959963984540054

// wilson returns the bounds of a share of k in n (Wilson 1927). Of none, everything
// is possible.
func wilson(k, n int64, z float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return math.Max(0, mid-half), math.Min(1, mid+half)
}

// Excess is the difference of two shares with its bounds.
type Excess struct{ At, Low, High float64 }

// ExcessBounds returns raw − noise with bounds from both shares' Wilson bounds
// (Newcombe 1998, method 10, taken as independent: raw and noise share stable's first
// answer and so go up and down together, which makes these bounds too wide rather
// than too narrow). Without noise measured it is raw alone.
func ExcessBounds(raw, rawN, noise, noiseN int64) Excess {
	if rawN == 0 {
		return Excess{0, -1, 1}
	}
	p := float64(raw) / float64(rawN)
	l1, u1 := wilson(raw, rawN, z95)
	if noiseN == 0 {
		return Excess{p, l1, u1}
	}
	q := float64(noise) / float64(noiseN)
	l2, u2 := wilson(noise, noiseN, z95)
	return Excess{
		At:   p - q,
		Low:  p - q - math.Hypot(p-l1, u2-q),
		High: p - q + math.Hypot(u1-p, q-l2),
	}
}

// ExcessP returns the p-value of "the share of b is at most limit above the share of
// c" where b and c count, in the same n trials, what only the one and only the other
// did. It is exact whatever the two have to do with each other: for every t, either
// the share of b is at most t+limit or that of c is at least t, and the two tails at
// the best t are added (Bonferroni). Without a c that could have been, pass paired
// false: then it is the binomial tail alone.
func ExcessP(b, c, n int64, limit float64, paired bool) float64 {
	switch {
	case n == 0 || float64(b-c) <= limit*float64(n):
		return 1
	case !paired:
		return BinomialAtLeast(b, n, limit)
	}
	low, high := 0.0, 1.0
	for range 50 {
		t := (low + high) / 2
		if BinomialAtLeast(b, n, t+limit) < BinomialAtMost(c, n, t) {
			low = t
		} else {
			high = t
		}
	}
	// Both ends are valid bounds; the worse tail at either is an upper bound of the best.
	at := func(t float64) float64 { return math.Max(BinomialAtLeast(b, n, t+limit), BinomialAtMost(c, n, t)) }
	return math.Min(1, 2*math.Min(at(low), at(high)))
}

// Holm returns, for each p-value, what it becomes when all are tested together (Holm
// 1979): rejecting where the result is at most α holds the chance of even one false
// alarm at α, however the tests depend on each other.
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	adjusted, worst := make([]float64, len(ps)), 0.0
	for rank, i := range order {
		worst = math.Max(worst, math.Min(1, float64(len(ps)-rank)*ps[i]))
		adjusted[i] = worst
	}
	return adjusted
}
