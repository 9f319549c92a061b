package rules

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A feed draws the counts of one release, interval by interval.
type feed struct {
	rnd               *rand.Rand
	rate, share       float64 // requests per second; the candidate's share
	candidates, pods  int     // of the candidate, of stable
	stable, candidate float64 // event shares, or medians of the latency
	every             time.Duration
	latency           bool
	good              time.Duration // before the harm begins
}

func (f feed) begins(after time.Duration) feed {
	f.good = after
	return f
}

func (f feed) counts(since time.Duration) []PodCount {
	if since <= f.good {
		f.candidate = f.stable
	}
	var out []PodCount
	add := func(role runbook.Role, pods int, share, level float64) {
		for i := range pods {
			n := poisson(f.rnd, f.rate*share*f.every.Seconds()/float64(pods))
			c := PodCount{Pod: string(role) + strconv.Itoa(i), Role: role, All: n}
			if f.latency {
				c.Buckets = f.buckets(n, level)
			} else {
				c.Bad = binomial(f.rnd, n, level)
			}
			out = append(out, c)
		}
	}
	add(runbook.Candidate, f.candidates, f.share, f.candidate)
	add(runbook.Stable, f.pods, 1-f.share, f.stable)
	return out
}

// buckets are those of a log-normal latency with sigma 0.5.
func (f feed) buckets(n, median float64) []float64 {
	out := make([]float64, len(bounds)+1)
	left, below := n, 0.0
	for i, share := range (logNormal{ln(median), 0.5}).buckets(bounds) {
		k := left
		if i < len(bounds) {
			k = binomial(f.rnd, left, share/max(1-below, 1e-12))
		}
		out[i], left, below = k, left-k, below+share
	}
	return out
}

// delays runs releases until all conditions have held, and returns for each of them the
// times of the first moment, in order.
func delays(t *testing.T, rb *runbook.Runbook, trigger string, runs int, f feed, longest time.Duration, until ...func(Verdict) bool) [][]time.Duration {
	t.Helper()
	out := make([][]time.Duration, len(until))
	for i := range runs {
		f.rnd = rand.New(rand.NewPCG(uint64(i), 77))
		r, err := NewReference(rb, trigger)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]time.Duration, len(until))
		for at := f.every; at <= longest && slices.Contains(first, 0); at += f.every {
			v := r.Observe(f.counts(at))
			for k, holds := range until {
				if first[k] == 0 && holds(v) {
					first[k] = at
				}
			}
		}
		for k, at := range first {
			if at == 0 {
				at = longest
			}
			out[k] = append(out[k], at)
		}
	}
	for k := range out {
		slices.Sort(out[k])
	}
	return out
}

func TestReferenceRefuses(t *testing.T) {
	rb := ranker("ranker")
	for _, name := range []string{"users-see-errors", "none"} {
		if _, err := NewReference(rb, name); err == nil {
			t.Errorf("%s has a reference", name)
		}
	}
	rb.Metrics.Latency.Kind, rb.Metrics.Latency.Buckets = runbook.Native, nil
	if _, err := NewReference(rb, "latency-p95"); err == nil {
		t.Error("a native histogram has a reference")
	}
}

// A good release, for a day, with a look at every interval.
func TestReferenceOfGoodReleases(t *testing.T) {
	bulk(t)
	rb := ranker("ranker")
	f := feed{rate: 50, share: 0.25, candidates: 2, pods: 4, every: rb.Metrics.Interval.Std(), stable: 0.02, candidate: 0.02}
	const runs = 60
	proved := 0
	for i, d := range delays(t, rb, "error-rate", runs, f, 12*time.Hour, func(v Verdict) bool { return v.Proved })[0] {
		if d < 12*time.Hour {
			proved++
			t.Logf("run %d: proved after %s", i, d)
		}
	}
	if proved > 2 { // 1 % over three triggers
		t.Errorf("%d of %d good releases are proved bad", proved, runs)
	}
}
