package shadow

import (
	"cmp"
	"math"
	"slices"
)

// holm returns, for each p-value, what it becomes when all are tested together (Holm
// 1979): rejecting where the result is at most α holds the chance of even one false
// alarm at α, however the tests depend on each other.
func holm(ps []float64) []float64 {
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
