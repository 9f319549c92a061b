//go:build !race

package shadow

const (
	seeds       = 1000
	pairsOfSeed = 3000
)
