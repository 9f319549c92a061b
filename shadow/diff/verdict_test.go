package diff

import (
	"slices"
	"testing"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/test/ranker"
	"github.com/autorollback/autorollback/test/sim"
)

// Exercise 3: a drift of 0.2 σ in one segment at night, under the tolerance of the
// field, is blocked, and the segment and the hours are named.
func TestNightDriftOfOneSegmentBlocks(t *testing.T) {
	sim.Bulk(t)
	const nightPairs = 150000
	for seed := range uint64(sim.Size(2, 1, 0)) {
		w, plan := ranker.New(seed, nightPairs), ranker.Plan()
		plan.Limits.DriftSamples, plan.Limits.SegmentSamples = nightPairs/300, nightPairs/500 // the defaults at full size
		night := func(h int) bool { return h >= 22 || h < 5 }
		w.Drift = func(country string, hour int) float64 {
			if country == "DE" && night(hour) {
				return .2
			}
			return 0
		}
		r := mustCompare(plan, w.Pairs())
		if r.Verdict != shadow.Block || r.Rule != RuleShift && r.Rule != RuleMismatch {
			t.Fatalf("seed %d: %s", seed, r.told())
		}
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Rule == RuleShift && f.Segment == "country=DE" })
		if i < 0 || !slices.Equal(r.Findings[i].Hours, []int{0, 1, 2, 3, 4, 22, 23}) {
			t.Errorf("seed %d: segment and hours are not named: %s", seed, r.told())
		}
		for _, f := range r.Findings {
			if f.Segment != "country=DE" || slices.ContainsFunc(f.Hours, func(h int) bool { return !night(h) }) {
				t.Errorf("seed %d: blames what is innocent: %s", seed, f.Text)
			}
		}
		if seed == 0 {
			t.Log(r.told())
		}
	}
}

func TestVerdicts(t *testing.T) {
	fail := func(a *shadow.Answer) { *a = shadow.Answer{Status: 503, LatencyMS: 3} }
	for _, c := range []struct {
		name    string
		set     func(w *ranker.World, plan *shadow.Plan)
		verdict shadow.Verdict
		rule    string
		segment string
		field   string
	}{
		{name: "no difference", verdict: shadow.Pass, rule: RuleAll},
		{name: "a missing field", verdict: shadow.Block, rule: RuleSchema, field: "outputs.prob", set: func(w *ranker.World, plan *shadow.Plan) {
			w.Change = func(p *shadow.Pair, country string, _ int) {
				if p.ID == "r77" {
					p.Candidate.Body = ranker.Body(map[string]any{"outputs": []any{map[string]any{"name": "score", "shape": []int{1}, "datatype": "FP32", "data": []float64{1}}}})
				}
			}
		}},
		{name: "a missing field that is allowed", verdict: shadow.Pass, rule: RuleAll, set: func(w *ranker.World, plan *shadow.Plan) {
			plan.AllowMissing = []string{"outputs.prob.**", "outputs.prob"}
			w.Change = func(p *shadow.Pair, _ string, _ int) {
				if p.ID == "r77" {
					p.Candidate.Body = ranker.Body(map[string]any{"outputs": []any{map[string]any{"name": "score", "shape": []int{1}, "datatype": "FP32", "data": []float64{1}}}})
				}
			}
		}},
		{name: "a number becomes text", verdict: shadow.Block, rule: RuleSchema, field: "outputs.score[*]", set: func(w *ranker.World, _ *shadow.Plan) {
			w.Change = func(p *shadow.Pair, _ string, _ int) {
				if p.ID == "r5" {
					p.Candidate.Body = ranker.Body(map[string]any{"outputs": []any{map[string]any{"name": "score", "shape": []int{1}, "datatype": "FP32", "data": []string{"1"}}, map[string]any{"name": "prob", "shape": []int{1, 3}, "datatype": "FP32", "data": []float64{1, 0, 0}}}})
				}
			}
		}},
		{name: "failures", verdict: shadow.Block, rule: RuleErrors, set: func(w *ranker.World, _ *shadow.Plan) {
			w.Change = func(p *shadow.Pair, _ string, _ int) {
				if w.Random.IntN(50) == 0 {
					fail(&p.Candidate)
				}
			}
		}},
		{name: "failures of one segment", verdict: shadow.Block, rule: RuleErrors, segment: "country=DE", set: func(w *ranker.World, _ *shadow.Plan) {
			w.Change = func(p *shadow.Pair, country string, _ int) {
				if country == "DE" && w.Random.IntN(20) == 0 {
					fail(&p.Candidate)
				}
			}
		}},
		{name: "both fail alike", verdict: shadow.Pass, rule: RuleAll, set: func(w *ranker.World, _ *shadow.Plan) {
			w.Change = func(p *shadow.Pair, _ string, _ int) {
				if w.Random.IntN(40) == 0 {
					fail(&p.Candidate)
					fail(&p.Stable)
				}
			}
		}},
		{name: "stable is broken", verdict: shadow.Inconclusive, rule: RuleBaseline, set: func(w *ranker.World, _ *shadow.Plan) {
			w.Change = func(p *shadow.Pair, _ string, _ int) {
				if w.Random.IntN(10) == 0 {
					fail(&p.Candidate)
					fail(&p.Stable)
				}
			}
		}},
		{name: "slower", verdict: shadow.Block, rule: RuleLatency, set: func(w *ranker.World, _ *shadow.Plan) {
			w.Change = func(p *shadow.Pair, _ string, _ int) { p.Candidate.LatencyMS *= 1.6 }
		}},
		{name: "a little slower", verdict: shadow.Pass, rule: RuleAll, set: func(w *ranker.World, _ *shadow.Plan) {
			w.Change = func(p *shadow.Pair, _ string, _ int) { p.Candidate.LatencyMS *= 1.15 }
		}},
		{name: "another distribution under a wide tolerance", verdict: shadow.Block, rule: RuleDrift, field: "outputs.score[*]", set: func(w *ranker.World, plan *shadow.Plan) {
			wide := 100.0
			plan.Fields = []shadow.FieldRule{{Path: "outputs.score[*]", Absolute: &wide}, {Path: "outputs.prob", Compare: shadow.ByIgnore}}
			w.Change = func(p *shadow.Pair, _ string, _ int) { p.Candidate = w.Answer(2 * w.Random.NormFloat64()) }
		}},
		{name: "too few", verdict: shadow.Inconclusive, rule: RuleCoverage, set: func(w *ranker.World, _ *shadow.Plan) { w.N = 400 }},
		{name: "a required segment that is missing", verdict: shadow.Inconclusive, rule: RuleCoverage, segment: "country=IT", set: func(_ *ranker.World, plan *shadow.Plan) {
			plan.Require.Segments = map[string][]string{"country": {"DE", "IT"}}
		}},
		{name: "required hours that are missing", verdict: shadow.Inconclusive, rule: RuleCoverage, set: func(w *ranker.World, plan *shadow.Plan) {
			plan.Require.Hours = []string{"all"}
			w.Change = func(p *shadow.Pair, _ string, hour int) {
				if hour >= 22 {
					p.TS = w.From
				}
			}
		}},
		{name: "noise too loud", verdict: shadow.Inconclusive, rule: RuleBlind, field: "outputs.score[*]", set: func(_ *ranker.World, plan *shadow.Plan) { plan.Fields = plan.Fields[1:] }},
		{name: "everything ignored", verdict: shadow.Inconclusive, rule: RuleBlind, set: func(_ *ranker.World, plan *shadow.Plan) {
			plan.Fields = []shadow.FieldRule{{Path: "outputs", Compare: shadow.ByIgnore}, {Path: "**", Compare: shadow.ByIgnore}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, plan := ranker.New(42, sim.Size(12000, 12000, 6000)), ranker.Plan()
			if c.set != nil {
				c.set(w, &plan)
			}
			r := mustCompare(plan, w.Pairs())
			if r.Verdict != c.verdict || r.Rule != c.rule {
				t.Fatalf("want %s by %s, got %s", c.verdict, c.rule, r.told())
			}
			if len(r.Findings) > 0 && (r.Findings[0].Segment != c.segment || c.field != "" && r.Findings[0].Field != c.field) {
				t.Errorf("want segment %q and field %q, got %s", c.segment, c.field, r.told())
			}
		})
	}
}

func TestUnfinishedRunAndLostRecordsAreInconclusive(t *testing.T) {
	w := ranker.New(1, 2000)
	for name, c := range map[string]struct {
		run shadow.Run
		bad shadow.Bad
	}{
		"unfinished": {}, "bad records": {run: shadow.Run{Ended: true, Bad: 100}}, "bad pairs": {run: shadow.Run{Ended: true}, bad: shadow.Bad{Count: 100}},
		"unmatched": {run: shadow.Run{Ended: true, OnlyCandidate: 500}},
	} {
		r, err := Compare(ranker.Plan(), Subject{}, w.Pairs(), &c.run, c.bad, w.From)
		if err != nil || r.Verdict != shadow.Inconclusive || r.Rule != RuleInput {
			t.Errorf("%s: %v, %s", name, err, r.told())
		}
	}
}

// The order of the pairs changes nothing.
func TestOrderChangesNothing(t *testing.T) {
	w := ranker.New(3, 6000)
	w.Drift = func(country string, hour int) float64 { return .3 }
	var all []shadow.Pair
	for p := range w.Pairs() {
		all = append(all, p)
	}
	text := func() string {
		r := mustCompare(ranker.Plan(), func(yield func(shadow.Pair, error) bool) {
			for _, p := range all {
				if !yield(p, nil) {
					return
				}
			}
		})
		for i := range r.Slices { // sums of floats depend on the order in their last digit
			for j := range r.Slices[i].Fields {
				r.Slices[i].Fields[j].Delta = nil
			}
			for j := range r.Slices[i].Scores {
				r.Slices[i].Scores[j].Shift, r.Slices[i].Scores[j].ShiftP = 0, nil
			}
		}
		return r.Reason + string(ranker.Body(r.Slices)) + string(ranker.Body(r.Worst))
	}
	first := text()
	w.Random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if text() != first {
		t.Error("the same pairs in another order give another report")
	}
}

func TestHourRanges(t *testing.T) {
	for want, hours := range map[string][]int{"12, 22–04": {0, 1, 2, 3, 4, 12, 22, 23}, "07": {7}, "03–05": {3, 4, 5}} {
		if got := hourRanges(hours); got != want {
			t.Errorf("%v: %q, want %q", hours, got, want)
		}
	}
}
