package engine

import (
	"testing"
	"time"
)

func TestWaitsAreRoundedUp(t *testing.T) {
	for need, want := range map[time.Duration]time.Duration{
		0: 0, 300 * time.Millisecond: time.Second, 5 * time.Second: 5 * time.Second, 59*time.Second + 1: time.Minute,
		61 * time.Second: 2 * time.Minute, 4*time.Minute + 15*time.Second: 5 * time.Minute,
	} {
		if got := roughly(need); got != want {
			t.Errorf("%s is roughly %s, want %s", need, got, want)
		}
	}
}
