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
