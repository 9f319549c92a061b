package analysis

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// Good releases of twelve hours, with a look at every interval: 1 % over three triggers.
func TestGoodReleases(t *testing.T) {
	bulk(t)
	for _, c := range []struct {
		trigger string
		runs    int
		level   float64
	}{{"error-rate", 60, 0.02}, {"conversion-drop", 40, 0.1}, {"latency-p95", 20, 0.1}} {
		t.Run(c.trigger, func(t *testing.T) {
			t.Parallel()
			trigger, _ := shop().Trigger(c.trigger)
			proved := 0
			for seed := range c.runs {
				x := begin(t, shop(), c.trigger)
				f := feed{rnd: seeded(seed), rate: 50, share: 0.25, pods: [2]int{2, 4}, level: [2]float64{c.level, c.level}}
				for at := every; at <= 12*time.Hour; at += every {
					if r := x.Observe(f.counts(MeasureOf(trigger))); r.Proved {
						proved++
						t.Logf("run %d: proved after %s", seed, at)
						break
					}
				}
			}
			if proved > 1+c.runs/60 {
				t.Errorf("%d of %d good releases are proved bad", proved, c.runs)
			}
		})
	}
}

// crowd feeds pods that need not be alike: levels of the candidate's, and of stable's.
func crowd(rnd *rand.Rand, rate float64, candidate, stable []float64) []PodCount {
	var out []PodCount
	add := func(role runbook.Role, share float64, levels []float64) {
		for i, level := range levels {
			n := sim.Poisson(rnd, rate*share*every.Seconds()/float64(len(levels)))
			out = append(out, PodCount{Pod: string(role) + strconv.Itoa(i), Role: role, All: n, Bad: sim.Binomial(rnd, n, level)})
		}
	}
	add(runbook.Candidate, 0.25, candidate)
	add(runbook.Stable, 0.75, stable)
	return out
}

// Noisy pods do not pass the guard; a small drop of all pods does, in about the time
// that the proof takes.
func TestPodGuard(t *testing.T) {
	bulk(t)
	even := []float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1}
	for _, c := range []struct {
		name, trigger string
		rate          float64
		candidate     []float64
		stable        []float64
		fires         bool
		hours         int
	}{
		{"KPI -2 % on both pods", "conversion-drop", 1000, []float64{0.098, 0.098}, even, true, 5},
		{"KPI -5 % on six pods", "conversion-drop", 200, []float64{0.095, 0.095, 0.095, 0.095, 0.095, 0.095}, even, true, 5},
		{"one pod of two loses half", "conversion-drop", 200, []float64{0.05, 0.1}, even, false, 3},
		{"one pod of three loses half", "conversion-drop", 200, []float64{0.05, 0.1, 0.1}, even, false, 3},
		{"one pod of six loses half", "conversion-drop", 200, []float64{0.05, 0.1, 0.1, 0.1, 0.1, 0.1}, even, false, 3},
		{"two pods of six lose half", "conversion-drop", 200, []float64{0.05, 0.05, 0.1, 0.1, 0.1, 0.1}, even, false, 3},
		{"two pods of six fail", "error-rate", 200, []float64{0.2, 0.2, 0.005, 0.005, 0.005, 0.005}, []float64{0.005, 0.005, 0.005, 0.005}, false, 3},
		{"pods that differ for good", "conversion-drop", 1000, []float64{0.097, 0.1, 0.099}, []float64{0.103, 0.1, 0.098, 0.102, 0.099, 0.101}, false, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const runs = 20
			fired, alone := 0, 0
			for seed := range runs {
				x, rnd := begin(t, shop(), c.trigger), rand.New(rand.NewPCG(uint64(seed), 5))
				hit, without := false, false
				for range c.hours * int(time.Hour/every) {
					r := x.Observe(crowd(rnd, c.rate, c.candidate, c.stable))
					hit, without = hit || r.Fires(), without || r.Gate && r.Proved
				}
				fired += int(indicator(hit))
				alone += int(indicator(without))
			}
			t.Logf("%d of %d fire, %d without the guard", fired, runs, alone)
			if c.fires && fired < runs-1 || !c.fires && fired > 1 {
				t.Errorf("%d of %d fire", fired, runs)
			}
			if alone < runs/2 && c.name != "pods that differ for good" {
				t.Errorf("only %d of %d would fire without the guard: nothing is tested", alone, runs)
			}
		})
	}
}
