package analysis

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// nativeShop has a native latency histogram.
func nativeShop() *runbook.Runbook {
	rb := shop()
	rb.Metrics.Latency.Kind, rb.Metrics.Latency.Buckets = runbook.Native, nil
	return rb
}

// native writes a classic histogram's counts as buckets of a native one.
func native(bounds, counts []float64) []Bucket {
	var out []Bucket
	from := 0.0
	for i, v := range counts {
		to := math.Inf(1)
		if i < len(bounds) {
			to = bounds[i]
		}
		if v > 0 {
			out = append(out, Bucket{from, to, v})
		}
		from = to
	}
	return out
}

func asNative(counts []PodCount) []PodCount {
	out := slices.Clone(counts)
	for i := range out {
		out[i].Native, out[i].Buckets = native(latencyBounds, out[i].Buckets), nil
	}
	return out
}

func TestBoundsAreLearned(t *testing.T) {
	x := begin(t, nativeShop(), "latency-p95")
	latencyOf(x).learn([]Bucket{{-0.1, 0.1, 3}, {1, 2, 3}, {4, math.Inf(1), 1}})
	latencyOf(x).learn([]Bucket{{2, 4, 3}, {1, 1.5, 3}, {-4, -2, 3}})
	if want := []float64{0.1, 1, 1.5, 2, 4}; !slices.Equal(latencyOf(x).scale.bounds, want) {
		t.Errorf("bounds %v, want %v", latencyOf(x).scale.bounds, want)
	}
}

func TestBucketsGoWhereTheyLie(t *testing.T) {
	s := scale{bounds: []float64{0.5, 1, 2, 4}, exponential: true}
	for _, c := range []struct {
		name   string
		bucket Bucket
		want   []float64
	}{
		{"one of ours", Bucket{1, 2, 8}, []float64{0, 0, 8, 0, 0}},
		{"over two of ours", Bucket{1, 4, 8}, []float64{0, 0, 4, 4, 0}},
		{"part of ours", Bucket{1.2, 1.6, 8}, []float64{0, 0, 8, 0, 0}},
		{"around zero", Bucket{-0.5, 0.5, 8}, []float64{8, 0, 0, 0, 0}},
		{"below zero", Bucket{-4, -2, 8}, []float64{8, 0, 0, 0, 0}},
		{"above all of ours", Bucket{4, 8, 8}, []float64{0, 0, 0, 0, 8}},
		{"without end", Bucket{2, math.Inf(1), 8}, []float64{0, 0, 0, 0, 8}},
		{"without end and below our last", Bucket{3, math.MaxFloat64, 8}, []float64{0, 0, 0, 0, 8}},
		{"empty", Bucket{1, 2, 0}, []float64{0, 0, 0, 0, 0}},
	} {
		got := make([]float64, 5)
		s.put(got, c.bucket)
		if !slices.EqualFunc(got, c.want, func(a, b float64) bool { return like(a, b, 1e-12) }) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Finer bounds divide what was counted by coarser ones, and lose nothing.
func TestSpreadKeepsWhatIsBelowOldBounds(t *testing.T) {
	old := scale{bounds: []float64{1, 4}, exponential: true}
	fine := scale{bounds: []float64{0.5, 1, 2, 4, 8}, exponential: true}
	got := fine.spread(old, []float64{10, 6, 3})
	if want := []float64{5, 5, 3, 3, 0, 3}; !slices.EqualFunc(got, want, func(a, b float64) bool { return like(a, b, 1e-12) }) {
		t.Errorf("%v, want %v", got, want)
	}
}

// With the same bounds a native histogram gives the same result as a classic one, but for
// how values lie within a bucket; with that alike, the very same.
func TestNativeAgreesWithClassic(t *testing.T) {
	for _, linear := range []bool{true, false} {
		classic, other := begin(t, shop(), "latency-p95"), begin(t, nativeShop(), "latency-p95")
		latencyOf(other).learn(native(latencyBounds, make([]float64, 16)))
		off := 0.05
		if linear {
			latencyOf(other).scale, off = scale{bounds: latencyBounds}, 1e-9
		}
		f := feed{rnd: seeded(1), rate: 100, share: 0.25, pods: [2]int{3, 5}, level: [2]float64{0.1, 0.1}}
		fired := [2]int{}
		for i := range 300 {
			if i == 200 {
				f.level[0] = 0.15
			}
			counts := f.counts(Latency)
			if i < 20 {
				stable := slices.DeleteFunc(slices.Clone(counts), func(c PodCount) bool { return c.Role == runbook.Candidate })
				classic.Warm(stable)
				other.Warm(asNative(stable))
				classic.Before(stable)
				other.Before(asNative(stable))
				continue
			}
			a, b := classic.Observe(counts), other.Observe(asNative(counts))
			if linear && !alike(b, a, off) || !like(b.Effect, a.Effect, off) {
				t.Fatalf("linear %v, interval %d: native %+v, classic %+v", linear, i, b, a)
			}
			for k, r := range []Result{a, b} {
				if r.Fires() && fired[k] == 0 {
					fired[k] = i
				}
			}
		}
		if fired[0] < 200 || fired[1] < 200 || max(fired[0]-fired[1], fired[1]-fired[0]) > 2 {
			t.Errorf("linear %v: classic fires at %d, native at %d", linear, fired[0], fired[1])
		}
	}
}

// coarse halves the resolution, as Prometheus' clients do when there are too many buckets.
func coarse(buckets []Bucket) []Bucket {
	var out []Bucket
	for _, b := range buckets {
		k := math.Ceil(math.Log2(b.Upper)*2 - 1e-9)
		b.Lower, b.Upper = math.Exp2((k-1)/2), math.Exp2(k/2)
		if n := len(out); n > 0 && out[n-1].Upper == b.Upper {
			out[n-1].Count += b.Count
			continue
		}
		out = append(out, b)
	}
	return out
}

// exponential draws a log-normal latency into buckets of a quarter of an octave.
func (f feed) exponential(median float64, n int) []Bucket {
	counts := map[int]float64{}
	for range n {
		counts[int(math.Ceil(math.Log2(median*math.Exp(0.5*f.rnd.NormFloat64()))*4))]++
	}
	var out []Bucket
	for k, v := range counts {
		out = append(out, Bucket{math.Exp2(float64(k-1) / 4), math.Exp2(float64(k) / 4), v})
	}
	slices.SortFunc(out, func(a, b Bucket) int {
		if a.Lower < b.Lower {
			return -1
		}
		return 1
	})
	return out
}

// A candidate whose histogram changes its resolution in the middle of a release is neither
// slower for it, nor is it hidden that it becomes slower.
func TestResolutionChanges(t *testing.T) {
	run := func(slower float64) (fired int) {
		x, f := begin(t, nativeShop(), "latency-p95"), feed{rnd: seeded(3)}
		for i := range 480 {
			var counts []PodCount
			for pod, role := range []runbook.Role{runbook.Candidate, runbook.Candidate, runbook.Stable, runbook.Stable, runbook.Stable} {
				median := 0.1
				if i >= 360 && role == runbook.Candidate {
					median *= slower
				}
				c := PodCount{Pod: string(rune('a' + pod)), Role: role, Native: f.exponential(median, 150)}
				if i >= 240 && role == runbook.Candidate {
					c.Native = coarse(c.Native)
				}
				counts = append(counts, c)
			}
			r := x.Observe(counts)
			if i > 30 && i < 360 && (r.Proved || r.Effect > 1.15 || r.Effect < 0.85) {
				t.Fatalf("interval %d: %+v", i, r)
			}
			if r.Fires() && fired == 0 {
				fired = i
			}
		}
		return fired
	}
	if fired := run(1); fired != 0 {
		t.Errorf("fires at %d, and nothing is slower", fired)
	}
	if fired := run(1.5); fired < 360 || fired > 380 {
		t.Errorf("fires at %d, want soon after 360", fired)
	}
}

// However many bounds there are, so many are kept, and every value is counted.
func TestBoundsDoNotGrowWithoutEnd(t *testing.T) {
	x := begin(t, nativeShop(), "latency-p95")
	for i := range 400 {
		var buckets []Bucket
		for k := range 10 {
			from := 0.001 * float64(1+i*10+k)
			buckets = append(buckets, Bucket{from, from + 0.0005, 5})
		}
		x.Observe([]PodCount{{Pod: "a", Role: runbook.Candidate, Native: buckets}, {Pod: "b", Role: runbook.Stable, Native: buckets}})
		if all, _ := latencyOf(x).slow(&PodCount{Role: runbook.Stable, Native: buckets}, 1); !like(all, 50, 1e-9) {
			t.Fatalf("interval %d: %g of 50 values are counted", i, all)
		}
	}
	if n := len(latencyOf(x).scale.bounds); n > mostBounds {
		t.Errorf("%d bounds", n)
	}
	for side := range latencyOf(x).hist {
		if got := sumOf(latencyOf(x).hist[side].last(x.level)); !like(got, 50*float64(x.level), 1e-9) {
			t.Errorf("side %d: %g values in five minutes, want %d", side, got, 50*x.level)
		}
	}
}

// The hour before counts whichever bounds were known by then.
func TestHourBeforeOfANativeHistogram(t *testing.T) {
	phi := func(native bool) float64 {
		rb := shop()
		if native {
			rb = nativeShop()
		}
		x := begin(t, rb, "latency-p95")
		if native {
			latencyOf(x).scale.exponential = false
		}
		f := feed{rnd: seeded(5), rate: 100, share: 0.2, pods: [2]int{0, 4}, level: [2]float64{0.1, 0.1}}
		for i := range int(time.Hour / every) {
			if f.level[1] = 0.1; i%100 > 80 {
				f.level[1] = 0.4 // buckets that were not seen before
			}
			counts := f.counts(Latency)
			for k := range counts {
				if i%100 > 80 && k == 0 {
					counts[k].Buckets[10] += 500
				}
			}
			if native {
				counts = asNative(counts)
			}
			x.Before(counts)
		}
		return x.dispersedBefore()
	}
	classic, other := phi(false), phi(true)
	if classic < 5 || !like(classic, other, 1e-6) {
		t.Errorf("dispersion %g of a classic histogram, %g of a native one; want the same, and great", classic, other)
	}
}
