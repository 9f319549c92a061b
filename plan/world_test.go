package plan

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// example is the frozen text of the rules' golden files.
func example(t *testing.T) *runbook.Runbook {
	t.Helper()
	rb, err := runbook.Load(filepath.Join("..", "rules", "testdata", "canary.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

func ranker() *runbook.Runbook { return sim.Ranker("ranker") }

func dur(d time.Duration) runbook.Duration { return runbook.Duration(d) }

func mustPlan(t *testing.T, rb *runbook.Runbook, traffic Traffic, steps ...Step) Plan {
	t.Helper()
	if len(steps) == 0 {
		steps = DefaultSteps()
	}
	p, err := New(rb, traffic, steps)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// proven reports whether the trigger would fire but for its gate.
func proven(r analysis.Result) bool { return r.Significance >= 1 }

// delays runs releases, each with its own source of chance, until all conditions have
// held, and returns for each of them the times of the first moment, in order.
func delays(t *testing.T, rb *runbook.Runbook, trigger string, runs int, longest time.Duration, counts func(*rand.Rand, time.Duration) []analysis.PodCount, until ...func(analysis.Result) bool) [][]time.Duration {
	t.Helper()
	out, every := make([][]time.Duration, len(until)), rb.Metrics.Interval.Std()
	for i := range runs {
		rnd := rand.New(rand.NewPCG(uint64(i), 77))
		x, err := analysis.New(rb, trigger)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]time.Duration, len(until))
		for at := every; at <= longest && slices.Contains(first, 0); at += every {
			r := x.Observe(counts(rnd, at))
			for k, holds := range until {
				if first[k] == 0 && holds(r) {
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
