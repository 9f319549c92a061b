package shadow

import (
	"slices"
	"testing"
)

// Exercise 3: a drift of 0.2 σ in one segment at night, under the tolerance of the
// field, is blocked, and the segment and the hours are named.
func TestNightDriftOfOneSegmentBlocks(t *testing.T) {
	for seed := range uint64(nightSeeds) {
		w, plan := newWorld(seed, nightPairs), worldPlan()
		plan.Limits.DriftSamples, plan.Limits.SegmentSamples = nightPairs/300, nightPairs/500 // the defaults at full size
		night := func(h int) bool { return h >= 22 || h < 5 }
		w.drift = func(country string, hour int) float64 {
			if country == "DE" && night(hour) {
				return .2
			}
			return 0
		}
		r := mustCompare(plan, w.pairs())
		if r.Verdict != Block || r.Rule != RuleShift && r.Rule != RuleMismatch {
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
	fail := func(a *Answer) { *a = Answer{Status: 503, LatencyMS: 3} }
	for _, c := range []struct {
		name    string
		set     func(w *world, plan *Plan)
		verdict Verdict
		rule    string
		segment string
		field   string
	}{
		{name: "no difference", verdict: Pass, rule: RuleAll},
		{name: "a missing field", verdict: Block, rule: RuleSchema, field: "outputs.prob", set: func(w *world, plan *Plan) {
			w.change = func(p *Pair, country string, _ int) {
				if p.ID == "r77" {
					p.Candidate.Body = body(map[string]any{"outputs": []any{map[string]any{"name": "score", "shape": []int{1}, "datatype": "FP32", "data": []float64{1}}}})
				}
			}
		}},
		{name: "a missing field that is allowed", verdict: Pass, rule: RuleAll, set: func(w *world, plan *Plan) {
			plan.AllowMissing = []string{"outputs.prob.**", "outputs.prob"}
			w.change = func(p *Pair, _ string, _ int) {
				if p.ID == "r77" {
					p.Candidate.Body = body(map[string]any{"outputs": []any{map[string]any{"name": "score", "shape": []int{1}, "datatype": "FP32", "data": []float64{1}}}})
				}
			}
		}},
		{name: "a number becomes text", verdict: Block, rule: RuleSchema, field: "outputs.score[*]", set: func(w *world, _ *Plan) {
			w.change = func(p *Pair, _ string, _ int) {
				if p.ID == "r5" {
					p.Candidate.Body = body(map[string]any{"outputs": []any{map[string]any{"name": "score", "shape": []int{1}, "datatype": "FP32", "data": []string{"1"}}, map[string]any{"name": "prob", "shape": []int{1, 3}, "datatype": "FP32", "data": []float64{1, 0, 0}}}})
				}
			}
		}},
		{name: "failures", verdict: Block, rule: RuleErrors, set: func(w *world, _ *Plan) {
			w.change = func(p *Pair, _ string, _ int) {
				if w.random.IntN(50) == 0 {
					fail(&p.Candidate)
				}
			}
		}},
		{name: "failures of one segment", verdict: Block, rule: RuleErrors, segment: "country=DE", set: func(w *world, _ *Plan) {
			w.change = func(p *Pair, country string, _ int) {
				if country == "DE" && w.random.IntN(20) == 0 {
					fail(&p.Candidate)
				}
			}
		}},
		{name: "both fail alike", verdict: Pass, rule: RuleAll, set: func(w *world, _ *Plan) {
			w.change = func(p *Pair, _ string, _ int) {
				if w.random.IntN(40) == 0 {
					fail(&p.Candidate)
					fail(&p.Stable)
				}
			}
		}},
		{name: "stable is broken", verdict: Inconclusive, rule: RuleBaseline, set: func(w *world, _ *Plan) {
			w.change = func(p *Pair, _ string, _ int) {
				if w.random.IntN(10) == 0 {
					fail(&p.Candidate)
					fail(&p.Stable)
				}
			}
		}},
		{name: "slower", verdict: Block, rule: RuleLatency, set: func(w *world, _ *Plan) {
			w.change = func(p *Pair, _ string, _ int) { p.Candidate.LatencyMS *= 1.6 }
		}},
		{name: "a little slower", verdict: Pass, rule: RuleAll, set: func(w *world, _ *Plan) {
			w.change = func(p *Pair, _ string, _ int) { p.Candidate.LatencyMS *= 1.15 }
		}},
		{name: "another distribution under a wide tolerance", verdict: Block, rule: RuleDrift, field: "outputs.score[*]", set: func(w *world, plan *Plan) {
			wide := 100.0
			plan.Fields = []FieldRule{{Path: "outputs.score[*]", Absolute: &wide}, {Path: "outputs.prob", Compare: byIgnore}}
			w.change = func(p *Pair, _ string, _ int) { p.Candidate = w.answer(2 * w.random.NormFloat64()) }
		}},
		{name: "too few", verdict: Inconclusive, rule: RuleCoverage, set: func(w *world, _ *Plan) { w.n = 400 }},
		{name: "a required segment that is missing", verdict: Inconclusive, rule: RuleCoverage, segment: "country=IT", set: func(_ *world, plan *Plan) {
			plan.Require.Segments = map[string][]string{"country": {"DE", "IT"}}
		}},
		{name: "required hours that are missing", verdict: Inconclusive, rule: RuleCoverage, set: func(w *world, plan *Plan) {
			plan.Require.Hours = []string{"all"}
			w.change = func(p *Pair, _ string, hour int) {
				if hour >= 22 {
					p.TS = w.from
				}
			}
		}},
		{name: "noise too loud", verdict: Inconclusive, rule: RuleBlind, field: "outputs.score[*]", set: func(_ *world, plan *Plan) { plan.Fields = plan.Fields[1:] }},
		{name: "everything ignored", verdict: Inconclusive, rule: RuleBlind, set: func(_ *world, plan *Plan) {
			plan.Fields = []FieldRule{{Path: "outputs", Compare: byIgnore}, {Path: "**", Compare: byIgnore}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, plan := newWorld(42, someTraffic), worldPlan()
			if c.set != nil {
				c.set(w, &plan)
			}
			r := mustCompare(plan, w.pairs())
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
	w := newWorld(1, 2000)
	for name, c := range map[string]struct {
		run Run
		bad Bad
	}{
		"unfinished": {}, "bad records": {run: Run{Ended: true, Bad: 100}}, "bad pairs": {run: Run{Ended: true}, bad: Bad{Count: 100}},
		"unmatched": {run: Run{Ended: true, OnlyCandidate: 500}},
	} {
		r, err := Compare(worldPlan(), Subject{}, w.pairs(), &c.run, c.bad, w.from)
		if err != nil || r.Verdict != Inconclusive || r.Rule != RuleInput {
			t.Errorf("%s: %v, %s", name, err, r.told())
		}
	}
}

// The order of the pairs changes nothing.
func TestOrderChangesNothing(t *testing.T) {
	w := newWorld(3, 6000)
	w.drift = func(country string, hour int) float64 { return .3 }
	var all []Pair
	for p := range w.pairs() {
		all = append(all, p)
	}
	text := func() string {
		r := mustCompare(worldPlan(), func(yield func(Pair, error) bool) {
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
		return r.Reason + string(body(r.Slices)) + string(body(r.Worst))
	}
	first := text()
	w.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
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
