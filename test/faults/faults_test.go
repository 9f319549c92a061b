package faults

import (
	"flag"
	"testing"
	"time"
)

var (
	seedFlag = flag.Uint64("seed", 0, "play this one alone")
	seeds    = flag.Int("seeds", 0, "how many; 0: as many as fit into -duration")
	duration = flag.Duration("duration", 20*time.Second, "for how long seeds are played")
	verbose  = flag.Bool("story", false, "print what happened in the run of -seed")
)

func TestSeeds(t *testing.T) {
	s := newScenery(t)
	if *seedFlag != 0 {
		r := play(t, s, planOf(*seedFlag))
		if *verbose {
			t.Logf("\n%s", r.story())
		}
		for _, b := range r.broken {
			t.Errorf("%s: %s", b.invariant, b.text)
		}
		return
	}
	began := time.Now()
	n := 0
	for seed := uint64(1); *seeds > 0 && n < *seeds || *seeds == 0 && time.Since(began) < *duration; seed++ {
		r := play(t, s, planOf(seed))
		for _, b := range r.broken {
			t.Errorf("seed %d: %s: %s", seed, b.invariant, b.text)
		}
		n++
	}
	t.Logf("%d runs in %s", n, time.Since(began).Round(time.Millisecond))
}
