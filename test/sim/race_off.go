//go:build !race

package sim

// Raced says whether the race detector is on.
const Raced = false
