//go:build soak

package sim

// Raced says whether the race detector is on, and Soak whether `make soak` runs, which
// shortens nothing.
const (
	Raced = false
	Soak  = true
)
