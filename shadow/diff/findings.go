package diff

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/shadow"
)

// dominantShare is how near to the greatest effect a wider slice must come to stand for the
// narrower ones in it.
const dominantShare = 0.8

// minEchoShare is the part of the greatest effect below which another segment is not named: it
// holds some of the same requests, and shows them thinned. The slices have it all.
const minEchoShare = 0.25

// explain turns rejected hypotheses into findings, each naming the widest slice that
// shows the effect as clearly as the narrowest does.
func explain(rejected []*hypothesis) []Finding {
	groups := map[[2]string][]*hypothesis{}
	for _, h := range rejected {
		key := [2]string{h.rule, h.field}
		groups[key] = append(groups[key], h)
	}
	var all []Finding
	for _, group := range groups {
		all = append(all, explainGroup(group)...)
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(ruleOrder, a.Rule), slices.Index(ruleOrder, b.Rule)),
			cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)),
			cmp.Compare(*a.P, *b.P), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Segment, b.Segment),
		)
	})
	return all
}

func explainGroup(group []*hypothesis) []Finding {
	most := 0.0
	segments := map[string][]*hypothesis{}
	for _, h := range group {
		most = math.Max(most, math.Abs(h.effect))
		if h.at.segment != "" {
			segments[h.at.segment] = append(segments[h.at.segment], h)
		}
	}
	clear := func(h *hypothesis) bool { return math.Abs(h.effect) >= dominantShare*most }
	if i := slices.IndexFunc(group, func(h *hypothesis) bool { return h.at.isTotal() && clear(h) }); i >= 0 {
		return []Finding{newFinding(group[i : i+1])}
	}
	var all []Finding
	if hours := filter(group, func(h *hypothesis) bool { return h.at.segment == "" && !h.at.isTotal() && clear(h) }); len(hours) > 0 {
		all = append(all, newFinding(hours))
	}
	for _, list := range segments {
		if f := explainSegment(list); math.Abs(f.Effect) >= minEchoShare*most {
			all = append(all, f)
		}
	}
	if len(all) == 0 { // only wide slices had enough samples
		all = append(all, newFinding(widest(group)))
	}
	return all
}

func explainSegment(list []*hypothesis) Finding {
	most, leaves := 0.0, filter(list, func(h *hypothesis) bool { return h.at.isLeaf() })
	for _, h := range list {
		most = math.Max(most, math.Abs(h.effect))
	}
	wide := filter(list, func(h *hypothesis) bool { return !h.at.isLeaf() && math.Abs(h.effect) >= dominantShare*most })
	if len(wide) > 0 || len(leaves) == 0 {
		return newFinding(widest(list))
	}
	return newFinding(leaves)
}

func filter(list []*hypothesis, want func(*hypothesis) bool) (out []*hypothesis) {
	for _, h := range list {
		if want(h) {
			out = append(out, h)
		}
	}
	return out
}

// widest returns all traffic if it is there, else the segment, else the hours.
func widest(list []*hypothesis) []*hypothesis {
	for _, want := range []func(*hypothesis) bool{
		func(h *hypothesis) bool { return h.at.isTotal() },
		func(h *hypothesis) bool { return h.at.hour == allHours },
	} {
		if some := filter(list, want); len(some) > 0 {
			return some[:1]
		}
	}
	return list
}

// newFinding joins hypotheses of one rule, field and segment, over their hours.
func newFinding(list []*hypothesis) Finding {
	f := Finding{Verdict: shadow.Block, Rule: list[0].rule, Field: list[0].field, Segment: list[0].at.segment, Limit: list[0].limit}
	p := 1.0
	for _, h := range list {
		if math.Abs(h.effect) > math.Abs(f.Effect) {
			f.Effect = h.effect
		}
		p = math.Min(p, h.adjusted)
		if h.at.hour != allHours {
			f.Hours = append(f.Hours, h.at.hour)
		}
	}
	slices.Sort(f.Hours)
	f.Effect, f.P = finite(f.Effect), &p
	f.Text = f.sentence()
	return f
}

func (f Finding) sentence() string {
	where := f.Where()
	switch f.Rule {
	case RuleErrors:
		return fmt.Sprintf("the candidate fails %s more often than stable %s, above the limit of %s", points(f.Effect), where, points(f.Limit))
	case RuleMismatch:
		return fmt.Sprintf("%s differs in %s of the answers beyond the noise %s, above the limit of %s", f.Field, Percent(f.Effect), where, Percent(f.Limit))
	case RuleShift:
		return fmt.Sprintf("the mean of %s moved by %+.2f σ %s, beyond the limit of %.2f σ", f.Field, f.Effect, where, f.Limit)
	case RuleDrift:
		return fmt.Sprintf("the distribution of %s drifted %s: PSI %.2f, limit %.2f", f.Field, where, f.Effect, f.Limit)
	case RuleLatency:
		return fmt.Sprintf("the candidate's p95 latency is %s above stable's %s, limit %s", Percent(f.Effect), where, Percent(f.Limit))
	}
	return fmt.Sprintf("%s differs in form %s", f.Field, where)
}

// Where names the slice: "in country=DE from 22 to 05 o'clock".
func (f Finding) Where() string {
	var parts []string
	if f.Segment != "" {
		parts = append(parts, "in "+f.Segment)
	}
	if len(f.Hours) > 0 {
		parts = append(parts, "in the hours "+hourRanges(f.Hours))
	}
	if len(parts) == 0 {
		return "over all traffic"
	}
	return strings.Join(parts, " ")
}

// hourRanges writes sorted hours as ranges that may pass midnight: "22–04, 12".
func hourRanges(hours []int) string {
	if len(hours) == 24 {
		return "00–23"
	}
	in := map[int]bool{}
	for _, h := range hours {
		in[h] = true
	}
	var ranges []string
	for _, h := range hours {
		if in[(h+23)%24] {
			continue
		}
		end := h
		for in[(end+1)%24] {
			end = (end + 1) % 24
		}
		if end == h {
			ranges = append(ranges, fmt.Sprintf("%02d", h))
		} else {
			ranges = append(ranges, fmt.Sprintf("%02d–%02d", h, end))
		}
	}
	return strings.Join(ranges, ", ")
}

func Percent(share float64) string { return fmt.Sprintf("%.4g %%", 100*share) }
func points(share float64) string  { return fmt.Sprintf("%.4g points", 100*share) }
