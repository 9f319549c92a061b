package diff

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/stat"
	"github.com/autorollback/autorollback/test/ranker"
	"github.com/autorollback/autorollback/test/sim"
)

// Stable against stable, over many seeds: at most the stated rate is blocked, with the
// limits as they are, and also at their very edge, where "no worse than the limit" is
// just true and Holm's correction alone stands between a hundred tests and an alarm.
func TestStableAgainstStableIsNotBlockedOftenerThanStated(t *testing.T) {
	n, pairs := sim.Size(1000, 250, 50), sim.Size(3000, 3000, 600)
	if testing.Short() {
		n = 50
	}
	edge := ranker.Plan()
	edge.Alpha = 0.05
	edge.Limits = shadow.Limits{
		SegmentSamples: 30, DriftSamples: 500, PSI: 1e-9, Shift: 1e-9, // the others are 0
		Bad: 1, Unmatched: 1, StableErrors: 1,
	}
	usual := ranker.Plan()
	for name, plan := range map[string]shadow.Plan{"the limits as they are": usual, "limits of nothing": edge} {
		t.Run(name, func(t *testing.T) {
			plan.Fields = []shadow.FieldRule{{Path: "class", Compare: shadow.ByClass}, {Path: "score", Absolute: new(float64)}}
			*plan.Fields[1].Absolute = 2
			plan.Scores = []shadow.Score{{Path: "score"}}
			blocked, open, tests := 0, 0, 0
			for seed := range uint64(n) {
				r := mustCompare(plan, twins(seed, pairs))
				tests += r.Method.Tests
				switch r.Verdict {
				case shadow.Block:
					blocked++
				case shadow.Inconclusive:
					open++
					t.Log(r.told())
				}
			}
			// As many as chance allows at the stated rate, in one of a thousand runs of this test.
			most := 0
			for stat.BinomialAtLeast(int64(most+1), int64(n), float64(plan.Alpha)) > .001 {
				most++
			}
			t.Logf("%d seeds of %d requests, %d tests each, α %s: %d blocked, %d inconclusive (allowed by chance: %d)", n, pairs, tests/n, Percent(float64(plan.Alpha)), blocked, open, most)
			if blocked+open > most {
				t.Errorf("%d of %d blocked", blocked+open, n)
			}
		})
	}
}

// twins are pairs of one noisy service with itself: scores of which half is noise,
// classes that flip, failures and times by chance.
func twins(seed uint64, n int) func(yield func(shadow.Pair, error) bool) {
	random := rand.New(rand.NewPCG(seed, 77))
	answer := func(score float64) shadow.Answer {
		a := shadow.Answer{Status: 200, LatencyMS: 5 + 10*random.ExpFloat64()}
		if random.IntN(100) == 0 {
			a.Status = 500
			return a
		}
		s := score + random.NormFloat64()
		class := "low"
		if s > 0 {
			class = "high"
		}
		text := strconv.AppendFloat([]byte(`{"class":"`+class+`","score":`), s, 'g', 6, 64)
		a.Body = append(text, '}')
		return a
	}
	w := ranker.New(seed, n)
	return func(yield func(shadow.Pair, error) bool) {
		for i := range n {
			p := w.Pair(i) // for its id, time and segments
			score := random.NormFloat64()
			again := answer(score)
			p.Stable, p.Candidate, p.Again = answer(score), answer(score), &again
			if !yield(p, nil) {
				return
			}
		}
	}
}
