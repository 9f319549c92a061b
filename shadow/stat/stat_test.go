package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s = %.10g, want %.10g ± %g", what, got, want, tolerance)
	}
}

func TestBinomialTailsAreExact(t *testing.T) {
	for _, c := range []struct {
		k, n int64
		p    float64
	}{{0, 1, .5}, {1, 1, .01}, {3, 10, .2}, {10, 10, .9}, {7, 300, .01}, {290, 300, .95}, {5, 1000, .03}} {
		var atLeast, atMost float64
		for i := range c.n + 1 {
			lg := func(x int64) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
			mass := math.Exp(lg(c.n) - lg(i) - lg(c.n-i) + float64(i)*math.Log(c.p) + float64(c.n-i)*math.Log(1-c.p))
			if i >= c.k {
				atLeast += mass
			}
			if i <= c.k {
				atMost += mass
			}
		}
		near(t, fmt.Sprintf("P(X>=%d|%d,%g)", c.k, c.n, c.p), BinomialAtLeast(c.k, c.n, c.p), atLeast, 1e-10)
		near(t, fmt.Sprintf("P(X<=%d|%d,%g)", c.k, c.n, c.p), BinomialAtMost(c.k, c.n, c.p), atMost, 1e-10)
	}
}

// The library's incomplete beta is -0.56 where 0.5 belongs, with 1e9 requests.
func TestTailsOfVeryManyRequests(t *testing.T) {
	for _, n := range []int64{1e6, 1e7, 1e8, 1e9, 1e10} {
		for z, want := range map[float64]float64{0: .5, 1: .158655, 2.5: .00620967, 4: 3.16712e-5} {
			k := int64(float64(n)*.5 + z*math.Sqrt(float64(n)*.25))
			near(t, fmt.Sprintf("P(X>=%d|%d)", k, n), BinomialAtLeast(k, n, .5), want, want*(1e-3+20/math.Sqrt(float64(n))))
		}
	}
}

// The reference values are of published tables.
func TestKnownValues(t *testing.T) {
	near(t, "chi² 3.841 df 1", chiSquareTail(3.841458820694124, 1), .05, 1e-9)
	near(t, "chi² 16.919 df 9", chiSquareTail(16.918977604620448, 9), .05, 1e-9)
	near(t, "chi² 2.088 df 9", chiSquareTail(2.087900735970710, 9), .99, 1e-6)
	near(t, "normal 1.96", normalTail(z95), .025, 1e-12)
	low, high := wilson(81, 263, z95) // Newcombe 1998, table I
	near(t, "wilson low", low, .2553, 5e-5)
	near(t, "wilson high", high, .3662, 5e-5)
	e := ExcessBounds(56, 70, 48, 80) // Newcombe 1998 (difference), table II, method 10
	near(t, "newcombe low", e.Low, .0524, 5e-5)
	near(t, "newcombe high", e.High, .3339, 5e-5)
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{.01, .04, .03, .005})
	for i, want := range []float64{.03, .06, .06, .02} {
		near(t, fmt.Sprint("holm ", i), got[i], want, 1e-12)
	}
}

// An excess at the limit itself is called too great no oftener than α; an excess
// clearly above it nearly always.
func TestExcessHoldsItsRate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alarms := func(b, c, limit float64) (n int) {
		for range 2000 {
			var nb, nc int64
			for range 500 {
				switch u := random.Float64(); {
				case u < b:
					nb++
				case u < b+c:
					nc++
				}
			}
			if ExcessP(nb, nc, 500, limit, true) <= .05 {
				n++
			}
		}
		return n
	}
	if n := alarms(.11, .10, .01); n > 130 {
		t.Errorf("at the limit: %d alarms of 2000, more than 5 %% and its noise", n)
	}
	if n := alarms(.20, .05, .01); n < 1950 {
		t.Errorf("15 points above: only %d alarms of 2000", n)
	}
	if p := ExcessP(1, 0, 1, .01, false); math.Abs(p-.01) > 1e-12 {
		t.Errorf("one of one: p = %g, want .01", p)
	}
}

// Values from tables.
func TestShareBounds(t *testing.T) {
	for _, c := range []struct {
		k, n            int64
		tail, low, high float64
	}{
		{0, 300, .05, 0, .009936}, {0, 10, .05, 0, .2589}, {1, 100, .05, .000513, .0466}, {3, 100, .05, .00823, .0757},
		{5, 5, .05, .5493, 1}, {0, 0, .05, 0, 1}, {1, 10, .025, .0025, .4450}, {5, 50, .025, .0333, .2181},
	} {
		low, high := ShareBounds(c.k, c.n, c.tail)
		near(t, fmt.Sprintf("low of %d of %d", c.k, c.n), low, c.low, 1e-4)
		near(t, fmt.Sprintf("high of %d of %d", c.k, c.n), high, c.high, 1e-4)
	}
}

func TestPoissonAtMost(t *testing.T) {
	for k, want := range map[int64]float64{0: 2.9957, 1: 4.7439, 10: 16.9622} {
		near(t, fmt.Sprint("after ", k), PoissonAtMost(k, .05), want, 1e-3)
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h Histogram
	for i := 1; i <= 10000; i++ {
		h.Add(float64(i) / 10)
	}
	for _, q := range []float64{.5, .95, .99} {
		near(t, fmt.Sprint("q", q), h.Quantile(q)/(1000*q), 1, .065)
	}
	for i := range buckets - 1 {
		if got := bucketOf(upper(i) * .9999); got != i {
			t.Fatalf("below the edge of %d lies bucket %d", i, got)
		}
		if got := bucketOf(upper(i) * 1.0001); got != i+1 {
			t.Fatalf("above the edge of %d lies bucket %d", i, got)
		}
	}
	var zero Histogram
	for _, v := range []float64{0, -1, math.NaN(), math.Inf(1), 1e300, 5e-324} {
		zero.Add(v)
	}
	if zero.N != 6 {
		t.Error("odd numbers were not counted")
	}
}

func TestSlowerQuantile(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	sample := func(scale float64) *Histogram {
		var h Histogram
		for range 3000 {
			h.Add(scale * math.Exp(random.NormFloat64()/2))
		}
		return &h
	}
	if p := SlowerP(sample(20), sample(20), .95, 1.3); p < .2 {
		t.Errorf("equal: p = %g", p)
	}
	if p := SlowerP(sample(32), sample(20), .95, 1.3); p > 1e-4 {
		t.Errorf("60 %% slower: p = %g", p)
	}
	if p := SlowerP(sample(24), sample(20), .95, 1.3); p < .2 {
		t.Errorf("20 %% slower is within 30 %%: p = %g", p)
	}
}

func TestPSI(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	measure := func(n int, change func(v float64) float64) (float64, float64) {
		d := Drift{Keep: 4096}
		for range n {
			v := random.NormFloat64()
			d.Add(random.Uint64(), v, change(v))
		}
		index, p, _ := d.PSI()
		return index, p
	}
	same, p := measure(2000, func(v float64) float64 { return random.NormFloat64() })
	if same > .03 || p < 1e-4 {
		t.Errorf("no drift: PSI %g, p %g", same, p)
	}
	// Between N(0,1) and N(1,1) the symmetric divergence is 1; ten bins see about 0.95 of it.
	moved, p := measure(4000, func(v float64) float64 { return v + 1 })
	if moved < .8 || moved > 1.15 || p > 1e-10 {
		t.Errorf("one sigma: PSI %g, p %g", moved, p)
	}
	for _, constant := range []float64{-3, 0, 1000} {
		d := Drift{Keep: 4096}
		for range 1000 {
			d.Add(random.Uint64(), 7, 7+constant)
		}
		index, _, _ := d.PSI()
		if (constant == 0) != (index == 0) {
			t.Errorf("a constant moved by %g: PSI %g", constant, index)
		}
	}
}

// The order of reading changes nothing, also past what is kept.
func TestDriftKeepsTheSameSampleInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var all []scorePair
	for range 5000 {
		v := random.NormFloat64()
		all = append(all, scorePair{random.Uint64(), v, v + .1*random.NormFloat64()})
	}
	index := func() float64 {
		d := Drift{Keep: 512}
		for _, s := range all {
			d.Add(s.hash, s.stable, s.candidate)
		}
		v, _, n := d.PSI()
		if n != 512 {
			t.Fatalf("kept %d", n)
		}
		return v
	}
	first := index()
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if second := index(); second != first {
		t.Errorf("PSI %g, in another order %g", first, second)
	}
}

func TestShift(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	d := Drift{Keep: 10}
	for i := range 5000 {
		v := 3 * random.NormFloat64()
		d.Add(uint64(i), v, v+.6+.5*random.NormFloat64()) // 0.2 σ
	}
	shift, p := d.Shift(.1, 1)
	near(t, "shift", shift, .2, .01)
	if p > 1e-10 {
		t.Errorf("0.2 σ against a limit of 0.1: p = %g", p)
	}
	if _, p := d.Shift(.25, 1); p != 1 {
		t.Errorf("within the limit: p = %g", p)
	}
}
