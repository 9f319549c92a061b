package analysis

import "testing"

func TestTrialsAsVerificationAsks(t *testing.T) {
	for _, c := range []struct{ before, limit, want float64 }{{0.1, 0.09, 17098}, {0.03, 0.0285, 253308}} {
		if got := Trials(c.before, c.limit); got < c.want*0.99 || got > c.want*1.01 {
			t.Errorf("%v from %v: %v trials, want %v", c.limit, c.before, got, c.want)
		}
	}
}
