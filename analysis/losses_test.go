package analysis

import (
	"math"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// plainly is a dispersion of 1.
func plainly(string) float64 { return 1 }

func lossesOf(t *testing.T, triggers ...string) *Losses {
	t.Helper()
	l, err := NewLosses(shop(triggers...), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func one(t *testing.T, all []record.Loss, kind record.LossKind) record.Loss {
	t.Helper()
	for _, l := range all {
		if l.Kind == kind {
			return l
		}
	}
	t.Fatalf("no %s in %+v", kind, all)
	return record.Loss{}
}

// beside is what all that was added lost.
func beside(l *Losses, dispersion func(string) float64) []record.Loss {
	out, _ := l.Beside(1000, dispersion)
	return out
}

func pair(measure string, c, x, s, y float64) Counts {
	return Counts{measure: {
		{Pod: "c", Role: runbook.Candidate, All: c, Bad: x}, {Pod: "s", Role: runbook.Stable, All: s, Bad: y},
	}}
}

// Each interval is held against stable's share of the same interval: a bad hour of both, at another
// weight, is no harm; one without stable is held against all of it.
func TestLossesByInterval(t *testing.T) {
	l := lossesOf(t, "error-rate")
	l.Add(pair(Requests, 100, 1, 900, 9))
	l.Add(pair(Requests, 500, 100, 500, 100)) // both are bad, and the candidate has half
	got := one(t, beside(l, plainly), record.Failures)
	if math.Abs(got.Excess) > 1e-9 || got.All != 600 || got.Low >= 0 || got.High <= 0 {
		t.Errorf("a fault of both sides: %+v", got)
	}
	l.Add(pair(Requests, 100, 31, 900, 9))
	got = one(t, beside(l, plainly), record.Failures)
	if math.Abs(got.Excess-30) > 1e-9 || got.Low > 30 || got.High < 30 {
		t.Errorf("30 of 31 failures are beyond stable's rate: %+v", got)
	}
	l.Add(pair(Requests, 100, 50, 0, 0))
	want := 30 + 50 - 100*118.0/2300
	if got := one(t, beside(l, plainly), record.Failures); math.Abs(got.Excess-want) > 1e-9 {
		t.Errorf("an interval without stable: %g, want %g", got.Excess, want)
	}
	narrow := one(t, beside(l, plainly), record.Failures)
	wide := one(t, beside(l, func(string) float64 { return 4 }), record.Failures)
	if got := (wide.High - wide.Low) / (narrow.High - narrow.Low); math.Abs(got-2) > 1e-9 {
		t.Errorf("a dispersion of 4 makes the bounds %g times as wide", got)
	}
}

// What nobody can tell is left out: no candidate, no stable.
func TestLossesOfOneSide(t *testing.T) {
	for name, c := range map[string]Counts{
		"nothing": {}, "no stable": pair(Requests, 100, 50, 0, 0), "no candidate": pair(Requests, 0, 0, 100, 1),
	} {
		l := lossesOf(t, "error-rate", "latency-p95", "conversion-drop", "revenue-drop")
		l.Add(c)
		if got := beside(l, plainly); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Of drawn harm the estimate is right on average, and the bounds hold the truth about as often as
// they say.
func TestLossesOfKnownHarm(t *testing.T) {
	const runs, n = 80, 20
	for _, c := range []struct {
		trigger, measure string
		kind             record.LossKind
		good, bad, each  float64 // each: what one request or trial loses
	}{
		{"error-rate", Requests, record.Failures, 0.01, 0.08, 0.07},
		{"conversion-drop", "kpi/conversion", record.Missed, 0.3, 0.24, 0.06},
		{"revenue-drop", "kpi/revenue", record.Value, 10, 8, math.Exp(0.125)},
	} {
		held, sum, truths := 0, 0.0, 0.0
		for seed := range runs {
			l := lossesOf(t, c.trigger)
			f := feed{rnd: seeded(seed), rate: 100, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{c.bad, c.good}}
			for range n {
				l.Add(Counts{c.measure: f.counts(c.measure)})
			}
			got := one(t, beside(l, plainly), c.kind)
			truth := got.All * c.each
			if got.Low <= truth && truth <= got.High {
				held++
			}
			sum, truths = sum+got.Excess, truths+truth
		}
		if off := sum/truths - 1; math.Abs(off) > 0.02 || held < runs*88/100 {
			t.Errorf("%s: %.1f %% off on average, and %d of %d bounds hold the truth", c.trigger, 100*off, held, runs)
		}
	}
}

// A candidate whose answers take longer has more above stable's own quantile, in seconds.
func TestLossesOfSlowAnswers(t *testing.T) {
	l := lossesOf(t, "latency-p95")
	f := feed{rnd: seeded(3), rate: 100, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{0.15, 0.1}}
	for range 20 {
		l.Add(Counts{Latency: f.counts(Latency)})
	}
	got := one(t, beside(l, plainly), record.Slow)
	above := func(level float64) float64 { return 0.5 * math.Erfc(math.Log(got.Limit/level)/0.5/math.Sqrt2) }
	truth := got.All * (above(0.15) - above(0.1))
	if math.Abs(got.Excess/truth-1) > 0.1 || got.Low > truth || got.High < truth {
		t.Errorf("%+v, the truth is %g", got, truth)
	}
	if got.Quantile != 0.95 || got.Limit < 0.2 || got.Limit > 0.26 {
		t.Errorf("slow is from p%g, %g s on", 100*got.Quantile, got.Limit)
	}
}

// both is an interval of one share of bad requests on both sides.
func both(share float64) Counts { return pair(Requests, 100, 100*share, 900, 900*share) }

// Of a shared cause the excess of all traffic counts, over its own rate in the hour before; beside
// stable there is none.
func TestLossesOfAllTraffic(t *testing.T) {
	l := lossesOf(t, "error-rate")
	for range 40 {
		l.Add(both(0.01))
	}
	for range 10 {
		l.Add(both(0.21))
	}
	got := one(t, l.Whole(10, plainly), record.Failures)
	if math.Abs(got.Excess-2000) > 1e-6 || got.All != 10000 || got.Low < 1800 || got.High > 2200 || got.Low >= 2000 || got.High <= 2000 {
		t.Errorf("2,000 of 10,000 requests failed beyond the rate before: %+v", got)
	}
	if want := 200 / l.step.Seconds(); math.Abs(got.Rate-want) > 1e-6 {
		t.Errorf("%g more each second, want %g", got.Rate, want)
	}
	beside, concurrent := l.Beside(10, plainly)
	if got := one(t, beside, record.Failures); math.Abs(got.Excess) > 1e-6 || !concurrent {
		t.Errorf("beside stable it is no harm: %+v", got)
	}
	if got := lossesOf(t, "error-rate").Whole(10, plainly); len(got) != 0 {
		t.Errorf("before anything was counted: %+v", got)
	}
}

// A candidate that took over all traffic is held against what stable did in the hour before; without
// that nobody can tell, and no number is given.
func TestLossesWithoutStable(t *testing.T) {
	l := lossesOf(t, "error-rate")
	for range 40 {
		l.Add(pair(Requests, 0, 0, 1000, 10))
	}
	for range 5 {
		l.Add(pair(Requests, 1000, 110, 0, 0))
	}
	got, concurrent := l.Beside(5, plainly)
	if x := one(t, got, record.Failures); math.Abs(x.Excess-500) > 1e-6 || concurrent {
		t.Errorf("500 failed beyond stable's rate of before: %+v, concurrent %v", x, concurrent)
	}
	for range l.hour {
		l.Add(pair(Requests, 1000, 110, 0, 0))
	}
	if got, _ := l.Beside(5, plainly); len(got) != 0 {
		t.Errorf("there was no stable in the hour before: %+v", got)
	}
}

// What is remembered is bounded, and older intervals are not counted.
func TestLossesForget(t *testing.T) {
	l, err := NewLosses(shop("error-rate", "latency-p95"), 10)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		l.Add(pair(Requests, 100, 11, 900, 9))
	}
	got, _ := l.Beside(1000, plainly)
	if x := one(t, got, record.Failures); x.All != 1000 || math.Abs(x.Excess-100) > 1e-6 {
		t.Errorf("of the newest ten intervals: %+v", x)
	}
}

// All traffic turns bad in a known interval, and in a known part of it.
func TestOnsetOfAllTraffic(t *testing.T) {
	l := lossesOf(t, "error-rate")
	slo := runbook.Trigger{Name: "slo", Type: runbook.AbsoluteSLO, Above: 0.1}
	for n := range 50 {
		if _, ok := l.Onset(slo); ok && n < 2 {
			t.Errorf("after %d intervals nothing changed", n)
		}
		l.Add(both(0.01 + 0.002*float64(n%3)))
	}
	l.Add(both(0.0620)) // a quarter of it
	for range 7 {
		l.Add(both(0.212))
	}
	o, ok := l.Onset(slo)
	if !ok || float64(o.Likely)+o.Part-7.25 > 0.03 || float64(o.Likely)+o.Part-7.25 < -0.03 || o.First != 7 || o.Last < 6 {
		t.Errorf("a quarter of the interval of seven before: %+v, %v", o, ok)
	}
	if _, ok := l.Onset(runbook.Trigger{Type: runbook.AbsoluteSLO, Ceiling: runbook.Duration(1e9)}); ok {
		t.Error("latencies are not counted here")
	}
}
