package analysis

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

var (
	unknown = [spanCount]float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	certain = [spanCount]float64{0: 1000}
)

// A window is proved above its own bar, and not at it; the greatest counts.
func TestBarOfEachWindow(t *testing.T) {
	x := begin(t, shop(), "error-rate")
	for i, s := range Spans() {
		bar := x.bar(i)
		for _, c := range []struct {
			logE   float64
			proved bool
		}{{bar - 0.01, false}, {bar, false}, {bar * (1 + 1e-12), true}, {bar + 5, true}} {
			r := Result{LogE: unknown, WithoutPod: certain, Pods: [2]int{2, 4}}
			r.LogE[i] = c.logE
			x.conclude(&r)
			if r.Proved != c.proved || (r.Significance >= 1) != c.proved || !like(r.Significance, c.logE/bar, 1e-9) {
				t.Errorf("window %s at %g of %g: %+v", s.Name, c.logE, bar, r)
			}
		}
	}
	r := Result{LogE: [spanCount]float64{-3, math.NaN(), 1, 2}, WithoutPod: certain, Pods: [2]int{2, 4}}
	x.conclude(&r)
	if want := 2 / x.trailing; !like(r.Significance, want, 1e-12) {
		t.Errorf("significance %g, want %g", r.Significance, want)
	}
}

// So is the pod guard; it holds back whatever is proved.
func TestBarOfTheGuard(t *testing.T) {
	for _, name := range []string{"error-rate", "revenue-drop"} {
		x := begin(t, shop(name), name)
		bar := x.signal.guardBar()
		for _, c := range []struct {
			left  float64
			alone bool
		}{{-2, false}, {bar, false}, {bar + 1e-9, true}, {50, true}} {
			r := Result{LogE: certain, WithoutPod: unknown, Pods: [2]int{2, 4}}
			r.WithoutPod[2] = c.left
			x.conclude(&r)
			if !r.Proved || r.Widespread != c.alone || (r.Significance >= 1) != c.alone || !like(r.Significance, c.left/bar, 1e-9) {
				t.Errorf("%s with %g of %g left: %+v", name, c.left, bar, r)
			}
		}
	}
}

func TestWhatIsNotKnown(t *testing.T) {
	x := begin(t, shop(), "error-rate")
	for _, c := range []struct {
		name            string
		logE, without   [spanCount]float64
		pods            int
		guarded, proved bool
		alone           bool
		want            float64
	}{
		{"nothing yet", unknown, unknown, 0, true, false, false, math.NaN()},
		{"nothing yet, of one pod", unknown, unknown, 1, true, false, true, math.NaN()},
		{"proved, and nothing of the pods", certain, unknown, 2, true, true, false, math.Inf(-1)},
		{"proved, by one pod that there is", certain, unknown, 1, true, true, true, 1000 / x.release},
		{"proved, without a guard", certain, unknown, 2, false, true, true, 1000 / x.release},
		{"not proved", [spanCount]float64{-1, math.NaN(), math.NaN(), math.NaN()}, certain, 2, true, false, true, -1 / x.release},
	} {
		x.Guarded = c.guarded
		r := Result{LogE: c.logE, WithoutPod: c.without, Pods: [2]int{c.pods, 4}}
		x.conclude(&r)
		if r.Proved != c.proved || r.Widespread != c.alone || !like(r.Significance, c.want, 1e-12) {
			t.Errorf("%s: %+v, want %g", c.name, r, c.want)
		}
	}
}

// Whatever is known: significant means proved and not one pod's doing, and nothing else.
func TestSignificantMeansProvedAndAlone(t *testing.T) {
	tests := []*Test{begin(t, shop(), "error-rate"), begin(t, shop(), "conversion-drop"), begin(t, shop("revenue-drop"), "revenue-drop"), begin(t, shop("starved"), "starved")}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SampledFrom(tests).Draw(t, "test")
		near := func(bar float64) *rapid.Generator[float64] {
			return rapid.OneOf(rapid.SampledFrom([]float64{math.NaN(), bar, math.Nextafter(bar, 100), math.Nextafter(bar, 0), math.Inf(-1), math.Inf(1)}), rapid.Float64Range(-30, 30))
		}
		r := Result{Pods: [2]int{rapid.IntRange(0, 3).Draw(t, "pods"), 4}}
		for i := range r.LogE {
			r.LogE[i] = near(x.bar(i)).Draw(t, "log e")
			r.WithoutPod[i] = near(x.signal.guardBar()).Draw(t, "without pods")
		}
		x.conclude(&r)
		if (r.Significance >= 1) != (r.Proved && r.Widespread) {
			t.Fatalf("%+v", r)
		}
	})
}
