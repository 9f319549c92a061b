package faults

import (
	"flag"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/sim"
)

var (
	seedFlag = flag.Uint64("seed", 0, "play this seed alone, and print its story")
	from     = flag.Uint64("from", 1, "the first seed")
	seeds    = flag.Int64("seeds", 0, "how many are played; 0: as many as -duration allows")
	duration = flag.Duration("duration", 0, "for how long seeds are played at most; 0: 10s, or with -seeds until all are")
	hurry    = flag.Bool("hurry", false, "at the first that breaks an invariant say so in one line, and no more")
	replays  = flag.Uint64("replays", 2, "how many seeds are played twice")
)

// TestSeeds plays seeds, and holds each history to the invariants.
func TestSeeds(t *testing.T) {
	if *seedFlag != 0 {
		r := play(t, newScenery(t), planOf(*seedFlag))
		t.Logf("\n%s", r.story())
		r.report(t)
		return
	}
	sim.Bulk(t) // -race finds what it finds in TestReplay
	limit := *duration
	if limit == 0 && *seeds == 0 {
		limit = 10 * time.Second
	}
	var next, played atomic.Int64
	began := time.Now()
	more := func() (uint64, bool) {
		n := next.Add(1) - 1
		over := *seeds > 0 && n >= *seeds || limit > 0 && time.Since(began) > limit || t.Failed()
		return *from + uint64(n), !over
	}
	t.Run("play", func(t *testing.T) {
		for n := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				s := newScenery(t)
				for seed, ok := more(); ok; seed, ok = more() {
					r := play(t, s, planOf(seed))
					played.Add(1)
					r.report(t)
				}
			})
		}
	})
	fmt.Printf("%d runs, %.0f s\n", played.Load(), time.Since(began).Seconds())
}

// report fails the test with all that is needed to see what happened.
func (r *run) report(t *testing.T) {
	if len(r.broken) == 0 {
		return
	}
	first := r.broken[0]
	if *hurry {
		t.Fail()
		fmt.Printf("BROKEN %s seed %d: %s\n", first.invariant, r.plan.Seed, first.text)
		return
	}
	least := shrink(t, r)
	t.Errorf("seed %d at commit %s breaks %s: %s\n\nagain: go test ./test/faults -run TestSeeds -seed %d\n\nThis is enough of its plan:\n%s\n\nand then:\n%s",
		r.plan.Seed, commit(), first.invariant, first.text, r.plan.Seed, least.plan, least.story())
}

// shrink takes out of a plan whatever it breaks the same invariant without.
func shrink(t *testing.T, r *run) *run {
	until := time.Now().Add(time.Minute)
	for again := true; again; {
		again = false
		for _, f := range r.plan.Faults {
			if time.Now().After(until) {
				return r
			}
			if less := play(t, r.scenery, r.plan.without([]fault{f})); len(less.broken) > 0 && less.broken[0].invariant == r.broken[0].invariant {
				r, again = less, true
			}
		}
	}
	return r
}

func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// A seed gives the same plan, and the same draws. What remains open is which goroutine of a
// process goes first at the same instant: see README.md.
func TestReplay(t *testing.T) {
	s := newScenery(t)
	same := 0
	for seed := uint64(1); seed <= *replays; seed++ {
		a, b := play(t, s, planOf(seed)), play(t, s, planOf(seed))
		a.report(t)
		if difference := firstDifference(plainly(a.story()), plainly(b.story())); difference != "" {
			t.Logf("seed %d: two runs differ from here on:\n%s", seed, difference)
			continue
		}
		same++
	}
	if *replays >= 10 && same < int(*replays)/2 && !sim.Raced { // the race detector has goroutines go on in any order
		t.Errorf("only %d seeds of %d gave the same run twice", same, *replays)
	}
	t.Logf("%d of %d seeds gave the same run twice", same, *replays)
}

var chance = regexp.MustCompile(`[0-9a-f]{12,32}`)

// plainly is a story without what operation ids go into.
func plainly(story string) string { return chance.ReplaceAllString(story, "…") }

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for n := range min(len(x), len(y)) {
		if x[n] != y[n] {
			return x[n] + "\n" + y[n]
		}
	}
	if len(x) != len(y) {
		return "one is longer"
	}
	return ""
}
