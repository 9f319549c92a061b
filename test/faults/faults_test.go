package faults

import (
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	seedFlag = flag.Uint64("seed", 0, "play this one alone")
	seeds    = flag.Int("seeds", 0, "how many; 0: as many as fit into -duration")
	duration = flag.Duration("duration", 20*time.Second, "for how long seeds are played")
	replays  = flag.Int("replays", 5, "how many seeds are played twice")
	verbose  = flag.Bool("story", false, "print what happened in the run of -seed")
)

// A seed gives the same run again, step by step.
func TestReplay(t *testing.T) {
	s := newScenery(t)
	for seed := uint64(1); seed <= uint64(*replays); seed++ {
		a, b := play(t, s, planOf(seed)).story(), play(t, s, planOf(seed)).story()
		if plainly(a) != plainly(b) {
			t.Errorf("seed %d: two runs differ:\n%s", seed, firstDifference(plainly(a), plainly(b)))
		}
	}
}

var chance = regexp.MustCompile(`[0-9a-f]{12,32}`)

// plainly is a story without what operation ids go into.
func plainly(story string) string { return chance.ReplaceAllString(story, "…") }

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for n := range min(len(x), len(y)) {
		if x[n] != y[n] {
			return fmt.Sprintf("line %d\n%s\n%s", n, x[n], y[n])
		}
	}
	return "one is longer"
}

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
