package analysis

import (
	"math"
	"testing"
	"time"
)

func grids() map[string]Odds {
	return map[string]Odds{"errors": errorOdds(), "latency": slowOdds(), "nulls": nullOdds(), "shift": shiftOdds(), "traffic": shareOdds(), "kpi": dropOdds()}
}

// At the margin the e-value of an interval has a mean of exactly 1, and less where there is
// less harm: the sum over all splits of the events, each with its probability.
func TestRatioIsAnEValue(t *testing.T) {
	mean := func(f Odds, theta, odds, share float64, events int) float64 {
		p, sum := odds*share/(1+(odds-1)*share), 0.0
		for x := range events + 1 {
			lx, _ := math.Lgamma(float64(x + 1))
			ly, _ := math.Lgamma(float64(events - x + 1))
			all, _ := math.Lgamma(float64(events + 1))
			chance := math.Exp(all - lx - ly + float64(x)*math.Log(p) + float64(events-x)*math.Log1p(-p))
			sum += chance * math.Exp(f.Ratio(theta, share, float64(x), float64(events)))
		}
		return sum
	}
	for name, f := range grids() {
		for _, theta := range f.Thetas {
			less := f.Null * 0.9
			if theta < f.Null {
				less = f.Null * 1.1
			}
			for _, share := range []float64{0.01, 0.25, 0.9} {
				if got := mean(f, theta, f.Null, share, 30); math.Abs(got-1) > 1e-9 {
					t.Errorf("%s, θ %g, share %g: the mean is %g, want 1", name, theta, share, got)
				}
				if got := mean(f, theta, less, share, 30); got >= 1 {
					t.Errorf("%s, θ %g, share %g: the mean is %g where there is less harm, want below 1", name, theta, share, got)
				}
			}
		}
	}
}

// The fitted ratio is that of the best odds ratio: greater than at any other, 0 for a
// surplus that is no harm.
func TestFittedIsTheGreatestRatio(t *testing.T) {
	for name, f := range map[string]Odds{"errors": errorOdds(), "latency": slowOdds(), "kpi": dropOdds()} {
		const candidate, stable, s = 1000.0, 3000.0, 300.0
		for _, x := range []float64{20, 60, 100, 130, 160, 300} {
			fair := stable / f.Null
			surplus := (x*fair - candidate*s) / (candidate + fair)
			got, best := f.fitted(x, surplus, s), 0.0
			for log := -3.0; log < 3; log += 0.001 {
				if theta := f.Null * math.Exp(log); (theta < f.Null) == f.Fewer() {
					best = max(best, f.Ratio(theta, candidate/(candidate+stable), x, x+s))
				}
			}
			if math.Abs(got-best) > 1e-3*(1+best) {
				t.Errorf("%s with %g events: fitted %g, want %g", name, x, got, best)
			}
		}
	}
}

func TestBars(t *testing.T) {
	release, trailing := Bars(4, 15*time.Second)
	if release != 6.69 || trailing != 15.35 { // ln(2·4/0.01), and ln(24 h / 15 s) more
		t.Errorf("bars %g and %g", release, trailing)
	}
	if _, more := Bars(4, time.Second); more <= trailing {
		t.Errorf("a look at each second has the bar %g, no higher than %g", more, trailing)
	}
	for _, s := range Spans() {
		if want := map[string]float64{"release": 0, "3h": 2.08, "30m": 3.88, "5m": 5.67}[s.Name]; s.penalty() != want {
			t.Errorf("penalty of %s %g, want %g", s.Name, s.penalty(), want)
		}
	}
}

func TestLeftOut(t *testing.T) {
	for pods, want := range map[int]int{1: 1, 2: 1, 3: 1, 5: 1, 6: 2, 8: 2, 9: 3} {
		if got := leftOut(pods); got != want {
			t.Errorf("of %d pods %d are left out, want %d", pods, got, want)
		}
	}
}
