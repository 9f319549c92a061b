package sim

import "testing"

// Size is how large a simulation is: the first number in `make soak`, the second in
// `make test`, and the third under the race detector, which makes everything ten times as
// long and finds in the first rounds what it finds.
func Size(soak, plain, raced int) int {
	switch {
	case Soak:
		return soak
	case Raced:
		return raced
	}
	return plain
}

// Bulk keeps a long simulation out of the race detector.
func Bulk(t *testing.T) {
	t.Helper()
	if Raced {
		t.Skip("bulk: runs without the race detector")
	}
}
