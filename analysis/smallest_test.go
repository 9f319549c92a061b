package analysis

import (
	"math"
	"strconv"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A harm is a kind of trigger, with what its pods count where the effect is of some size.
type harm struct {
	trigger string
	none    float64 // the effect without harm
	small   int     // for so many intervals the candidate's weight is small
	counts  func(rate, share, effect float64, draw func(n, p float64) float64) []PodCount
}

// pods spreads the requests of an interval over four candidate pods and six of stable.
func (h harm) pods(rate, share float64, each func(c *PodCount, side int)) []PodCount {
	var out []PodCount
	for side, n := range []int{4, 6} {
		for i := range n {
			role, part := runbook.Candidate, share
			if side == 1 {
				role, part = runbook.Stable, 1-share
			}
			c := PodCount{Pod: string(role) + strconv.Itoa(i), Role: role, All: rate * part * every.Seconds() / float64(n)}
			each(&c, side)
			out = append(out, c)
		}
	}
	return out
}

// ofShares is for signals whose events are a share: 1 % of stable's, or what is told.
func ofShares(trigger string, none, stable float64, candidate func(effect float64) float64) harm {
	h := harm{trigger: trigger, none: none}
	h.counts = func(rate, share, effect float64, draw func(n, p float64) float64) []PodCount {
		return h.pods(rate, share, func(c *PodCount, side int) {
			p := []float64{candidate(effect), stable}[side]
			c.Bad = draw(c.All, p)
			c.Parts = []PartCount{{c.All, c.Bad}}
		})
	}
	return h
}

func harms() []harm {
	latency := harm{trigger: "latency-p95", none: 1}
	latency.counts = func(rate, share, effect float64, draw func(n, p float64) float64) []PodCount {
		return latency.pods(rate, share, func(c *PodCount, side int) {
			slower, below, left := []float64{effect, 1}[side], 0.0, c.All
			for _, b := range latencyBounds {
				upTo := 0.5 * math.Erfc(-math.Log(b/0.1/slower)/0.5/math.Sqrt2)
				n := draw(left, (upTo-below)/max(1-below, 1e-12))
				c.Buckets, left, below = append(c.Buckets, n), left-n, upTo
			}
			c.Buckets = append(c.Buckets, left)
		})
	}
	revenue := harm{trigger: "revenue-drop", none: 1} // one trial in two brings 1 or 3
	revenue.counts = func(rate, share, effect float64, draw func(n, p float64) float64) []PodCount {
		return revenue.pods(rate, share, func(c *PodCount, side int) {
			worth := []float64{effect, 1}[side]
			one, three := draw(c.All, 0.25), draw(c.All, 0.25)
			c.Bad, c.Squares = worth*(one+3*three), worth*worth*(one+9*three)
		})
	}
	shift := harm{trigger: "shift", none: 0} // values move from the second fifth to the first
	shift.counts = func(rate, share, effect float64, draw func(n, p float64) float64) []PodCount {
		return shift.pods(rate, share, func(c *PodCount, side int) {
			more, left := []float64{effect, 0}[side], c.All
			first := draw(left, 0.2+more)
			second := draw(left-first, (0.2-more)/(0.8-more))
			left -= first + second
			c.Buckets = []float64{0, first, 0, second, 0, left / 3, 0, left / 3, 0, left / 3}
		})
	}
	part := harm{trigger: "null-spike", none: 0} // in a feature that both sides have rows of
	part.counts = func(rate, share, effect float64, draw func(n, p float64) float64) []PodCount {
		return part.pods(rate, share, func(c *PodCount, side int) {
			rare := []float64{c.All / 50, 8 * c.All}[side]
			c.Parts = []PartCount{{rare, draw(rare, 0.02)}, {c.All, draw(c.All, 0.02+[]float64{effect, 0}[side])}}
		})
	}
	starved := harm{trigger: "starved", none: 1}
	starved.counts = func(rate, share, effect float64, draw func(n, p float64) float64) []PodCount {
		return starved.pods(rate, share, func(c *PodCount, side int) {
			n := c.All * (1 + share*(1-effect)/(1-share))
			if side == 0 {
				n = c.All * effect
			}
			c.All = draw(10*n, 0.1)
		})
	}
	return []harm{
		ofShares("error-rate", 0.01, 0.01, func(effect float64) float64 { return effect }),
		ofShares("error-increase", 0, 0.01, func(effect float64) float64 { return 0.01 + effect }),
		ofShares("compare", 0, 0.1, func(effect float64) float64 { return 0.1 + effect }),
		ofShares("schema", 0.001, 0.001, func(effect float64) float64 { return effect }),
		ofShares("conversion-drop", 1, 0.2, func(effect float64) float64 { return 0.2 * effect }),
		ofShares("null-spike", 0, 0.02, func(effect float64) float64 { return 0.02 + effect }),
		latency, revenue, part, shift, starved,
	}
}

func expected(n, p float64) float64 { return n * p }

// smallest is that of a release without harm, after so many intervals.
func (h harm) smallest(t *testing.T, intervals int, rate float64, draw func(n, p float64) float64) float64 {
	t.Helper()
	x := begin(t, shop(h.trigger), h.trigger)
	for i := range intervals {
		h.take(x, i, rate, h.none, draw)
	}
	return x.Smallest()
}

// take adds an interval.
func (h harm) take(x *Test, i int, rate, effect float64, draw func(n, p float64) float64) Result {
	share := 0.3
	if i < h.small {
		share = 0.05
	}
	x.Weigh(share, true)
	return x.Observe(h.counts(rate, share, effect, draw))
}

// after is what is known at the end of a release that has harm in the trigger's window:
// so many times that of an effect.
func (h harm) after(t *testing.T, intervals int, rate, times, effect float64, draw func(n, p float64) float64) Result {
	t.Helper()
	x, r := begin(t, shop(h.trigger), h.trigger), Result{}
	for i := range intervals {
		now := h.none
		if i >= intervals-x.gate {
			now += times * (effect - h.none)
		}
		r = h.take(x, i, rate, now, draw)
	}
	return r
}

// Where everything is counted as expected, harm a little greater than the smallest is
// significant at the end of the window, and harm a little smaller is not, whatever the age
// of the release.
func TestSmallestIsTheBorder(t *testing.T) {
	for _, h := range harms() {
		off := 0.02
		if h.trigger == "latency-p95" { // within a bucket values are taken to lie evenly
			off = 0.1
		}
		for _, intervals := range []int{40, 80, 240, 1000} { // the trigger's window is of 60 at most
			if h.small = 20; intervals < 80 {
				h.small = 0
			}
			smallest := h.smallest(t, intervals, 100, expected)
			above := h.after(t, intervals, 100, 1+off, smallest, expected)
			below := h.after(t, intervals, 100, 1-off, smallest, expected)
			if !(above.Significance >= 1) || !(below.Significance < 1) {
				t.Errorf("%s after %d intervals: the smallest is %g; a little more has the significance %g, a little less %g",
					h.trigger, intervals, smallest, above.Significance, below.Significance)
			}
		}
	}
}

// With more traffic smaller harm can be proved.
func TestSmallestFallsWithTraffic(t *testing.T) {
	for _, h := range harms() {
		last := math.NaN()
		for _, rate := range []float64{0.01, 1, 3, 10, 30, 100, 300, 1000, 3000} {
			size := math.Abs(h.smallest(t, 300, rate, expected) - h.none)
			if !math.IsNaN(last) && !(size <= last) {
				t.Errorf("%s at %g/s: %g, which is more than with less traffic (%g)", h.trigger, rate, size, last)
			}
			last = size
		}
		if first := h.smallest(t, 300, 0.01, expected); !math.IsNaN(first) {
			t.Errorf("%s at a request in 100 s: %g could be proved", h.trigger, first)
		}
		if !(last > 0) || last > 0.5 {
			t.Errorf("%s at 3000/s: %g", h.trigger, last)
		}
	}
}

// Harm of 1.3 times the smallest is significant in most releases, of half as much in few.
func TestSmallestAgainstSimulation(t *testing.T) {
	bulk(t)
	const runs = 40
	for _, h := range harms() {
		for times, want := range map[float64][2]int{1.3: {runs * 6 / 10, runs}, 0.5: {0, runs / 10}} {
			hits := 0
			for seed := range runs {
				draw := func() func(n, p float64) float64 {
					rnd := seeded(seed)
					return func(n, p float64) float64 { return sim.Binomial(rnd, math.Round(n), p) }
				}
				r := h.after(t, 240, 100, times, h.smallest(t, 240, 100, draw()), draw())
				hits += int(indicator(r.Significance >= 1))
			}
			t.Logf("%s: %d of %d are significant with %g of the smallest harm", h.trigger, hits, runs, times)
			if hits < want[0] || hits > want[1] {
				t.Errorf("%s: %d of %d are significant with %g of the smallest harm", h.trigger, hits, runs, times)
			}
		}
	}
}

// With two pods half of the limit must remain without either; with one, nothing must.
func TestSmallestOfOnePodHasNoGuard(t *testing.T) {
	smallest := func(pods int) float64 {
		x := begin(t, shop("null-spike"), "null-spike")
		for range 100 {
			counts := even([2]int{pods, 4}, [2]float64{1e5, 1e5}, [2]float64{100, 100})
			for i := range counts {
				counts[i].Parts = []PartCount{{counts[i].All, counts[i].Bad}}
			}
			x.Observe(counts)
		}
		return x.Smallest()
	}
	if one, two := smallest(1), smallest(2); !(one < 0.004) || !like(two, 0.005, 1e-9) {
		t.Errorf("%g with one pod, %g with two", one, two)
	}
}

// Nothing is said without data, where no proof is wanted, or of an index.
func TestNoSmallest(t *testing.T) {
	counts := even([2]int{2, 4}, [2]float64{100, 400}, [2]float64{1, 4})
	for name, x := range map[string]*Test{
		"no data": begin(t, shop(), "error-rate"), "threshold": begin(t, shop(), "error-rate", byThreshold), "psi": begin(t, shop("psi"), "psi"),
		"unsteady": begin(t, shop("starved"), "starved"),
	} {
		if name != "no data" {
			for i := range counts {
				counts[i].Buckets = make([]float64, 10)
			}
			x.Observe(counts)
		}
		if got := x.Smallest(); !math.IsNaN(got) {
			t.Errorf("%s: %g", name, got)
		}
	}
	r, err := NewRelease(shop())
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Smallest(); len(got) != 3 || !math.IsNaN(got["error-rate"]) {
		t.Errorf("%v", got)
	}
}

// A trigger is blunted where harm of the size that the runbook names, in the trigger's window,
// would not be significant at its end: of a ratio above 1, one below 1, a share, points and a
// distance alike.
func TestBluntedIsWhatWouldNotBeProved(t *testing.T) {
	for _, h := range harms() {
		trigger := shop(h.trigger)
		blunt, sharp := 0, 0
		for _, rate := range []float64{0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000} {
			x := begin(t, trigger, h.trigger)
			var r Result
			for i := range 100 {
				r = h.take(x, i, rate, h.none, expected)
			}
			named, _ := bound(x.trigger, r.Level[1])
			smallest := x.Smallest()
			if math.Abs(smallest-named) < 0.1*math.Abs(named-h.none) {
				continue // chance decides at the border
			}
			proved := h.after(t, 100, rate, 1, named, expected).Significance >= 1
			if got := Blunted(x.trigger, smallest, r.Level[1]); got == proved {
				t.Errorf("%s at %g/s: blunted is %t, the smallest is %g of %g, and that is proved: %t", h.trigger, rate, got, smallest, named, proved)
			}
			if proved {
				sharp++
			} else {
				blunt++
			}
		}
		if blunt == 0 || sharp == 0 && h.trigger != "null-spike" { // 1 point more than 2 % is within the odds that are tolerated
			t.Errorf("%s: blunted at %d rates, and sharp at %d: nothing is compared", h.trigger, blunt, sharp)
		}
	}
}

// What has no number in the unit of its effect, or needs no proof, is never called blunted.
func TestNeverBlunted(t *testing.T) {
	for _, x := range []runbook.Trigger{
		{Type: runbook.DistributionShift, Against: runbook.AgainstStable, PSI: 0.2},
		{Type: runbook.ErrorRate, Above: 0.05, Style: runbook.ByThreshold},
		{Type: runbook.LatencyMean, Increase: 0.3},
		{Type: runbook.AbsoluteSLO, Above: 0.1},
		{Type: runbook.Anomaly},
	} {
		if Blunted(x, math.NaN(), 0.01) || Blunted(x, 1e9, 0.01) {
			t.Errorf("%s is called blunted", x)
		}
	}
	ceiling := runbook.Trigger{Type: runbook.LatencyQuantile, Quantile: 0.95, Ceiling: runbook.Duration(200e6)}
	if !Blunted(ceiling, 0.3, math.NaN()) || Blunted(ceiling, 0.15, math.NaN()) {
		t.Error("a ceiling of 200 ms is not held against seconds")
	}
}
