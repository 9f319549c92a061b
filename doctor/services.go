package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// rules compares what is loaded now, and says where the daemon still holds what it saw before.
func (p *patient) rules(ctx context.Context) []view.Check {
	found, err := p.Rules(ctx, p.runbooks)
	if err != nil {
		return p.remembered(err)
	}
	found = slices.DeleteFunc(found, func(d rules.Drift) bool { // rules of other daemons are none of ours
		_, here := p.Runbook(d.Service)
		return d.Service != "" && !here
	})
	var out []view.Check
	said := map[string]bool{"": true}
	for _, group := range grouped(found, func(d rules.Drift) string { return d.Service }) {
		first := group[0]
		said[first.Service] = true
		out = append(out, ruleCheck(first, len(group)-1))
	}
	for _, c := range p.status.Rules {
		if c.State == record.RulesDrifted && !said[c.Service] && slices.ContainsFunc(c.Drift, aboutRules) {
			said[c.Service] = true
			out = append(out, degraded(rulesPart, c.Service,
				"they are right now; the daemon saw them differ before, and holds the ramp until its next comparison: "+c.Drifted(),
				"wait for the next comparison (--rules.interval)"))
		}
	}
	if same := len(p.runbooks) - len(said) + 1; same > 0 || len(out) == 0 {
		out = append(out, ok(rulesPart, "loaded",
			fmt.Sprintf("one to one for %d of %d services", same, len(p.runbooks))))
	}
	return atMost(out)
}

// ruleKinds are what a comparison of rules finds.
var ruleKinds = []rules.Kind{
	rules.Missing, rules.Extra, rules.Edited, rules.Duplicate, rules.Outdated, rules.Failing, rules.Stale,
}

func aboutRules(d record.RuleDiff) bool { return slices.Contains(ruleKinds, rules.Kind(d.Kind)) }

func ruleCheck(d rules.Drift, more int) view.Check {
	name, what := d.Service, d.What
	if name == "" {
		name = "all services"
	}
	if more > 0 {
		what += fmt.Sprintf(" (and %d more)", more)
	}
	switch d.Kind {
	case rules.Missing, rules.Failing, rules.Stale:
		return off(rulesPart, name, what, d.Fix)
	}
	return degraded(rulesPart, name, what, d.Fix)
}

// remembered is what the daemon found when Prometheus last told.
func (p *patient) remembered(err error) []view.Check {
	out := []view.Check{unknown(rulesPart, "loaded", err.Error(),
		"use a Prometheus that has /api/v1/rules, or compare files: autorollback rules verify runbooks/ --rules-file autorollback.rules.yml")}
	for _, c := range p.status.Rules {
		if c.State == record.RulesDrifted {
			out = append(out, degraded(rulesPart, c.Service, c.Drifted(), "generate the rules again and load them"))
		}
	}
	return atMost(out)
}

// grouped puts together what has one key, in the order of its first.
func grouped[T any](all []T, key func(T) string) [][]T {
	var out [][]T
	at := map[string]int{}
	for _, one := range all {
		n, seen := at[key(one)]
		if !seen {
			n = len(out)
			at[key(one)] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], one)
	}
	return out
}

// atMost leaves out the less bad of very many.
func atMost(checks []view.Check) []view.Check {
	slices.SortStableFunc(checks, func(a, b view.Check) int { return badness(a.State) - badness(b.State) })
	if len(checks) <= most {
		return checks
	}
	last := checks[most-1]
	last.Name, last.Fix = "more", "fix those above first"
	last.What = fmt.Sprintf("%d more of them", len(checks)-most+1)
	return append(checks[:most-1:most-1], last)
}

// behind says of which targets the store has less than is known.
func (p *patient) behind() []view.Check {
	if len(p.status.Behind) == 0 {
		return []view.Check{ok(storePart, "history", "has every record that is known")}
	}
	var found []view.Check
	for _, b := range p.status.Behind {
		found = append(found, off(storePart, "history "+b.Service+"/"+b.Region, "the store went back in time, and nothing is done automatically: "+b.Why,
			fmt.Sprintf("autorollback recover %s --region %s", b.Service, b.Region)))
	}
	return atMost(found)
}

// releases checks that the triggers of each open release can fire.
func (p *patient) releases(ctx context.Context) []view.Check {
	var open []record.Release
	for _, r := range p.status.Releases {
		if r.Phase == record.Open {
			open = append(open, r)
		}
	}
	looked := open[:min(len(open), most)]
	out := each(parallel, looked, func(r record.Release) []view.Check { return p.release(ctx, r) })
	if left := len(open) - len(looked); left > 0 {
		out = append(out, unknown(releasePart, "more",
			fmt.Sprintf("%d more open releases were not checked", left), ""))
	}
	return out
}

// told are the kinds that the parts above have said already.
var told = append([]rules.Kind{arming.Clock, arming.External}, ruleKinds...)

func (p *patient) release(ctx context.Context, r record.Release) []view.Check {
	name := r.Service + "/" + r.Region
	rb, there := p.Runbook(r.Service)
	if !there {
		return []view.Check{off(releasePart, name, "its runbook is not loaded: nobody judges it",
			"put the runbook back and reload")}
	}
	found, err := p.Arming.Release(ctx, r.Follows(rb), r)
	if err != nil {
		return []view.Check{unknown(releasePart, name, err.Error(), "ask again")}
	}
	all := len(found)
	found = slices.DeleteFunc(found, func(d rules.Drift) bool { return slices.Contains(told, d.Kind) })
	if len(found) == 0 && all > 0 {
		return []view.Check{ok(releasePart, name,
			"its series mean what the runbook says; what its triggers lack is listed above")}
	}
	var out []view.Check
	for _, group := range grouped(found, func(d rules.Drift) string { return d.What }) {
		out = append(out, armed(name, group, len(rb.Triggers)))
	}
	if len(out) == 0 {
		return []view.Check{ok(releasePart, name, fmt.Sprintf("its %d triggers are armed", len(rb.Triggers)))}
	}
	return out
}

// armed is one finding about some triggers of a release, or about all.
func armed(name string, group []rules.Drift, triggers int) view.Check {
	var concerns []string
	for _, d := range group {
		if d.Trigger != "" {
			concerns = append(concerns, d.Trigger)
		}
	}
	if len(concerns) == 0 || len(concerns) == triggers {
		return off(releasePart, name, group[0].What, group[0].Fix)
	}
	return degraded(releasePart, name, strings.Join(concerns, ", ")+": "+group[0].What, group[0].Fix)
}

// mostBoxes is how many empty boxes of runbooks are told.
const mostBoxes = 10

// selfChecks are the empty boxes of the runbooks, and what in them is still a template's.
func (p *patient) selfChecks(context.Context) []view.Check {
	var out []view.Check
	empty := 0
	archived := p.Archive.Stand().Where != "" && p.probed() == nil
	for _, rb := range p.runbooks {
		for _, s := range append(rb.SelfChecks(), rb.Leftovers()...) {
			if s.OK { // what is written of an archive is not ticked here: see archive
				continue
			}
			if empty++; empty <= mostBoxes {
				out = append(out, degraded(runbookPart, rb.Service, s.Name+": "+s.Why, s.Fix))
			}
		}
	}
	if empty > mostBoxes {
		out = append(out, degraded(runbookPart, "more", fmt.Sprintf("%d more empty boxes", empty-mostBoxes),
			"they are named by: autorollback runbook check runbooks/"))
	}
	switch {
	case empty == 0 && archived:
		out = append(out, ok(runbookPart, "boxes", "all are ticked"))
	case empty == 0:
		out = append(out, ok(runbookPart, "boxes", "all are ticked but "+strconv.Quote(runbook.EvidenceArchived)+": no archive has taken a test object"))
	}
	return out
}
