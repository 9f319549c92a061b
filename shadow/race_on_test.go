//go:build race

package shadow

// seeds and pairsOfSeed keep the run with the race detector short.
const (
	seeds       = 100
	pairsOfSeed = 600
)
