package diff

import (
	"fmt"
	"maps"
	"slices"

	"github.com/autorollback/autorollback/shadow"
)

// inconclusive returns why no verdict can be given, if anything.
func (c *comparison) inconclusive(counts Counts) []Finding {
	all := slices.Concat(c.input(counts), c.baseline(), c.coverage(), c.unjudgeable())
	for i := range all {
		all[i].Verdict = shadow.Inconclusive
	}
	return all
}

func (c *comparison) input(counts Counts) (all []Finding) {
	limits := c.plan.Limits
	if !counts.Run.Ended {
		all = append(all, Finding{Rule: RuleInput, Text: "the run did not finish; start it again with the same output to continue"})
	}
	if share := rate(counts.Bad.Count+counts.Run.Bad, counts.Bad.Count+counts.Run.Bad+counts.Pairs); share > float64(limits.Bad) {
		all = append(all, Finding{Rule: RuleInput, Effect: share, Limit: float64(limits.Bad), Text: fmt.Sprintf("%s of the records could not be read, more than %s", Percent(share), Percent(float64(limits.Bad)))})
	}
	if lone := counts.Run.OnlyCandidate; lone > 0 {
		share := rate(lone, lone+counts.Pairs)
		if share > float64(limits.Unmatched) {
			all = append(all, Finding{Rule: RuleInput, Effect: share, Limit: float64(limits.Unmatched), Text: fmt.Sprintf("stable's log lacks %s of the candidate's requests in the hours that both cover, more than %s", Percent(share), Percent(float64(limits.Unmatched)))})
		}
	}
	return all
}

func (c *comparison) baseline() []Finding {
	whole, ok := c.buckets[segment{"", allHours}]
	if !ok {
		return nil
	}
	share, limit := rate(whole.failures.onlyStable+whole.failures.both, whole.pairs), float64(c.plan.Limits.StableErrors)
	if share <= limit {
		return nil
	}
	return []Finding{{Rule: RuleBaseline, Effect: share, Limit: limit, Text: fmt.Sprintf("stable itself failed in %s of the requests, more than %s: it is no baseline", Percent(share), Percent(limit))}}
}

func (c *comparison) seen(at segment) int64 {
	if one, ok := c.buckets[at]; ok {
		return one.compared
	}
	return 0
}

// coverage checks that everything that the plan requires was seen often enough.
func (c *comparison) coverage() (all []Finding) {
	need := c.plan.Require
	few := func(at segment, hours []int, want int64) {
		all = append(all, Finding{Rule: RuleCoverage, Segment: at.segment, Hours: hours, Effect: float64(c.seen(at)), Limit: float64(want)})
		last := &all[len(all)-1]
		last.Text = fmt.Sprintf("too few answers to compare %s: %d of %d", last.Where(), c.seen(at), want)
	}
	if at := (segment{"", allHours}); c.seen(at) < need.Samples {
		few(at, nil, need.Samples)
	}
	hours := requiredHours(need.Hours)
	for _, h := range hours {
		if at := (segment{"", h}); c.seen(at) < need.HourSamples {
			few(at, []int{h}, need.HourSamples)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(need.Segments)) {
		for _, value := range need.Segments[key] {
			at := segment{key + "=" + value, allHours}
			if c.seen(at) < need.SegmentSamples {
				few(at, nil, need.SegmentSamples)
				continue
			}
			for _, h := range hours {
				if leaf := (segment{at.segment, h}); c.seen(leaf) < need.CellSamples {
					few(leaf, []int{h}, need.CellSamples)
				}
			}
		}
	}
	return joinHours(all)
}

func requiredHours(texts []string) []int {
	in := map[int]bool{}
	for _, t := range texts {
		hours, _ := shadow.ParseHours(t) // checked with the plan
		for _, h := range hours {
			in[h] = true
		}
	}
	return slices.Sorted(maps.Keys(in))
}

// joinHours makes one finding of the hours of a segment.
func joinHours(all []Finding) (out []Finding) {
	for _, f := range all {
		last := len(out) - 1
		if last >= 0 && len(f.Hours) > 0 && len(out[last].Hours) > 0 && out[last].Segment == f.Segment {
			out[last].Hours = append(out[last].Hours, f.Hours...)
			out[last].Effect = min(out[last].Effect, f.Effect)
			out[last].Text = fmt.Sprintf("too few answers to compare %s: %.0f of %.0f in the emptiest", out[last].Where(), out[last].Effect, f.Limit)
			continue
		}
		out = append(out, f)
	}
	return out
}

// maxNoise is the noise above which a field's mismatch says nothing.
const maxNoise = 0.8

// unjudgeable names what could not be judged at all.
func (c *comparison) unjudgeable() (all []Finding) {
	whole, ok := c.buckets[segment{"", allHours}]
	if !ok {
		return nil
	}
	compared := false
	for i := range whole.fields {
		t, f := &whole.fields[i], c.comparator.fields.list[i]
		compared = compared || t.n > 0
		if share := rate(t.noise, t.noiseN); t.noiseN > 0 && share > maxNoise {
			all = append(all, Finding{Rule: RuleBlind, Field: f.path, Effect: share, Limit: maxNoise, Text: fmt.Sprintf("%s differs between two answers of stable in %s of the requests: ignore it or widen its tolerance", f.path, Percent(share))})
		}
	}
	if !compared && whole.compared > 0 {
		all = append(all, Finding{Rule: RuleBlind, Text: "no field was compared: the plan ignores all of them"})
	}
	return all
}
