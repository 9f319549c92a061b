package analysis

import (
	"math"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// bursty lets stable pods fail now and then, each on its own.
func bursty(f feed, i int) []PodCount {
	counts := f.counts(Requests)
	for k := range counts {
		if (i/8+3*k)%11 == 0 {
			counts[k].Bad += counts[k].All / 5
		}
	}
	return counts
}

// What the hour before says, worked out the long way: blocks of five minutes, one ending
// at each interval of the newest hour; squared distances of the pods from their common
// level against what chance would make of it.
func TestDispersionOfTheHourBefore(t *testing.T) {
	hour, level := int(time.Hour/every), int(5*time.Minute/every)
	for _, n := range []int{level - 1, level, 100, hour, hour + 1, hour + level, 2 * hour} {
		x := begin(t, shop(), "error-rate")
		f, all := feed{rnd: seeded(n), rate: 100, pods: [2]int{0, 5}, level: [2]float64{0, 0.01}}, [][]PodCount(nil)
		for i := range n {
			all = append(all, bursty(f, i))
			x.Before(append(all[i], PodCount{Pod: "c", Role: runbook.Candidate, All: 1e6, Bad: 1e6}))
		}
		var num, den float64
		for end := max(level, n-hour+1); end <= n; end++ {
			var tried, failed [5]float64
			for _, counts := range all[end-level : end] {
				for k, c := range counts {
					tried[k], failed[k] = tried[k]+c.All, failed[k]+c.Bad
				}
			}
			a, b := sumOf(tried[:]), sumOf(failed[:])
			squares := 0.0
			for k := range tried {
				d := failed[k] - tried[k]*b/a
				num, squares = num+d*d, squares+tried[k]*tried[k]
			}
			den += b / a * (1 - b/a) * (a - squares/a)
		}
		want := num / den
		if den == 0 {
			want = 0
		}
		if got := x.dispersedBefore(); !like(got, want, 1e-9) || n >= level && got < 2 {
			t.Errorf("%d intervals: %g, want %g", n, got, want)
		}
	}
}

// It counts in the release's first hour, and no longer, and what it was made from is
// dropped at once, whether or not it is needed.
func TestTheHourBeforeCountsForAnHour(t *testing.T) {
	for name, stable := range map[string]int{"error-rate": 5, "latency-p95": 5, "conversion-drop": 2} {
		rb := shop()
		x := begin(t, rb, name)
		trigger, _ := rb.Trigger(name)
		measure := MeasureOf(trigger)
		f := feed{rnd: seeded(9), rate: 100, pods: [2]int{0, stable}, level: [2]float64{0.1, 0.1}}
		for i := range 240 {
			f.level[1] = 0.1 + 0.1*float64(i/20%2)
			counts := f.counts(measure)
			if i/20%3 == 0 {
				counts[0] = f.counts(measure)[0]
				counts[0].Bad, counts[0].Buckets = counts[0].All/2, append(make([]float64, 15), counts[0].All)
			}
			x.Before(counts)
		}
		f.pods[0], f.share, f.level = 3, 0.2, [2]float64{0.1, 0.1}
		for i := range 300 {
			r := x.Observe(f.counts(measure))
			l, ok := x.signal.family.(*latency)
			if ok && l.past != nil || x.before.pods != nil || x.before.num.past != nil {
				t.Fatalf("%s: the hour before is kept", name)
			}
			if wide := r.Dispersion > 4; stable > 2 && wide != (i < 240) {
				t.Fatalf("%s, interval %d: dispersion %g", name, i, r.Dispersion)
			}
			if stable == 2 && r.Dispersion != UnknownDispersion {
				t.Fatalf("%s of two stable pods: dispersion %g", name, r.Dispersion)
			}
		}
	}
}

// A mean and the traffic do not look back.
func TestWhatDoesNotLookBack(t *testing.T) {
	for _, name := range []string{"revenue-drop", "starved"} {
		x := begin(t, shop(name), name)
		f := feed{rnd: seeded(1), rate: 100, pods: [2]int{0, 5}, level: [2]float64{0, 1}}
		for i := range 100 {
			x.Before(bursty(f, i))
		}
		if got := x.dispersedBefore(); got != 0 {
			t.Errorf("%s: %g", name, got)
		}
	}
}

// Pods that hold apart for good come out of the lasting dispersion, whatever the newest
// hours say, less one standard error.
func TestLastingDispersion(t *testing.T) {
	x := begin(t, shop(), "conversion-drop")
	var r Result
	for range 5 * 240 {
		counts := even([2]int{2, 4}, [2]float64{200, 4000}, [2]float64{20, 400})
		for k, bad := range []float64{90, 110, 100, 100} {
			counts[2+k].Bad = bad
		}
		r = x.Observe(counts)
	}
	// In n intervals two pods are 10 n apart, and chance would put them 360 n · 3/4 apart, in squares.
	n := 5.0 * 240
	if want := 2*100*n*n/(400*0.9*0.75*n) - math.Sqrt(2./3); !like(x.lastingPhi(r.Dispersion), want, 1e-9) {
		t.Errorf("lasting %g, want %g", x.lastingPhi(r.Dispersion), want)
	}
	if want := 2 * 100 * 400 / (400 * 0.9 * 0.75 * 20.); !like(r.Dispersion, want, 1e-9) {
		t.Errorf("of blocks of five minutes %g, want %g", r.Dispersion, want)
	}
	x.Dispersed = false
	if r = x.Observe(nil); r.Dispersion != 1 || x.lastingPhi(7) != 1 {
		t.Errorf("without it: %g", r.Dispersion)
	}
}

func TestLeastDispersion(t *testing.T) {
	for name, want := range map[string]float64{"error-rate": 1, "shift": 2, "starved": 20, "revenue-drop": 1} {
		x := begin(t, shop(name), name)
		f := feed{rnd: seeded(4), rate: 100, share: 0.2, pods: [2]int{2, 6}, level: [2]float64{1, 1}}
		trigger, _ := shop(name).Trigger(name)
		var r Result
		for range 200 {
			r = x.Observe(f.counts(MeasureOf(trigger)))
		}
		if r.Dispersion < want || r.Dispersion > want*1.5 {
			t.Errorf("%s: %g, want %g or a little more", name, r.Dispersion, want)
		}
	}
}
