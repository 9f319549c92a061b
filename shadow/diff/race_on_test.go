//go:build race

package diff

// seeds and pairsOfSeed keep the run with the race detector short.
const (
	seeds       = 100
	pairsOfSeed = 600
	nightPairs  = 45000
	nightSeeds  = 1
	someTraffic = 6000 // pairs of the table of verdicts
)
