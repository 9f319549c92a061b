//go:build !race

package diff

const (
	seeds       = 1000
	pairsOfSeed = 3000
	nightPairs  = 150000
	nightSeeds  = 2
	someTraffic = 12000 // pairs of the table of verdicts
)
