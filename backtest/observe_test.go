package backtest

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

// slowRelease is a release of v2 that is twice as slow from minute 10 on.
func slowRelease() ([]*pastPod, []PastRelease) {
	pods := pastPods("v1", 4, 40, 0, time.Hour)
	slow := pastPods("v2", 3, 10, time.Minute, time.Hour)
	for _, p := range slow {
		p.slower = func(since time.Duration) float64 {
			if since > 10*time.Minute {
				return 2
			}
			return 1
		}
	}
	start := pastStart.Add(time.Minute)
	return append(pods, slow...), []PastRelease{{ID: "slow", Region: "default", Stable: "v1", Candidate: "v2", Start: start, Weights: []Weight{{start, 20}}}}
}

// Native histograms are judged as classic ones are.
func TestBacktestOfNativeHistograms(t *testing.T) {
	pods, releases := slowRelease()
	for _, native := range []bool{false, true} {
		b := Backtest{Runbook: pastBook(t, native), Source: openPast(t, pods, 18*time.Minute, native), From: pastStart, To: pastStart.Add(18 * time.Minute), Releases: releases}
		r, err := b.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Firings) != 1 {
			t.Fatalf("native %v: fired %+v", native, r.Firings)
		}
		f, late := r.Firings[0], r.Firings[0].From.Sub(pastStart.Add(10*time.Minute))
		if f.Trigger != "latency-p95" || late <= 0 || late > 5*time.Minute || !f.Breach.Significance.Proved() || f.Decision.Action != record.RollBack {
			t.Errorf("native %v: fired %s late: %+v, breach %+v", native, late, f, f.Breach)
		}
		t.Logf("native %v: %s late, value %.2f, significance %.2f", native, late, f.Value, f.Breach.Significance.Value)
	}
}

// A release is observed from an hour before it to its end, and not kept for longer.
func TestReplayObservesAReleaseWhileItIsThere(t *testing.T) {
	_, releases := twoReleases()
	w := &world{runbook: pastBook(t, false), series: map[string]*held{}}
	for _, r := range releases {
		w.observed = append(w.observed, &observed{past: r})
	}
	for minute, want := range map[int][2]bool{-61: {false, false}, -30: {true, false}, 10: {true, true}, 20: {false, true}, 54: {false, true}, 55: {false, false}} {
		if err := w.attend(t.Context(), pastStart.Add(time.Duration(minute)*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{w.observed[0].observer != nil, w.observed[1].observer != nil}; got != want {
			t.Errorf("at minute %d the two are observed: %v, want %v", minute, got, want)
		}
	}
}
