package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// A WhySection is a part of the answer to "why was it rolled back, or not?": sentences without
// anything that could change how they are shown; none is escaped yet.
type WhySection struct {
	Title string
	Lines []string
}

// mostTold is how many alerts and incidents are told; the JSON has them all.
const mostTold = 20

// Why says in words why a service was rolled back or not.
func Why(w view.Why) []WhySection {
	var all []WhySection
	section := func(title string, lines ...string) {
		if len(lines) == 0 {
			return
		}
		for n := range lines {
			lines[n] = visible(lines[n], maxCell)
		}
		all = append(all, WhySection{title, lines})
	}
	if i := w.Incident; i != nil {
		section("What was decided", whyDecided(*i)...)
		section("What fired", whyFired(*i)...)
		section("What Prometheus said", whyAnswered(*i)...)
		section("Computed again", whyAgain(w.Rechecks)...)
	} else {
		section("In short", whyShort(w)...)
		section("Alerts received", whyAlerts(w)...)
		section("Incidents", whyIncidents(w)...)
	}
	if len(w.Triggers) > 0 {
		section("Triggers now", whyTriggers(w)...)
	}
	section("How far this sees", whySeen(w)...)
	return all
}

// whyShort is what keeps traffic from being moved now, or why it was moved, the gravest first.
func whyShort(w view.Why) []string {
	var lines []string
	switch c := w.Control; {
	case c.Mode == runbook.Observe || c.Mode == runbook.Paused:
		until := ""
		if !c.Until.IsZero() {
			until = " until " + clock(c.Until)
		}
		lines = append(lines, fmt.Sprintf("Automation is set to %s%s%s: nothing is moved automatically.",
			c.Mode, by(c.By, c.Reason), until))
	case c.Mode != runbook.Active:
		lines = append(lines, fmt.Sprintf("Unknown control mode %q; treated as paused.", c.Mode))
	}
	if w.Mode != runbook.Active {
		lines = append(lines, "The runbook's policy.mode is observe: autorollback says what it would do, and does nothing.")
	}
	open := false
	for _, r := range w.Releases {
		open = open || r.Phase == record.Open
		lines = append(lines, whyRelease(r))
	}
	if !open {
		lines = append(lines, "No release is open, so no trigger can roll anything back.")
	}
	for _, t := range w.Triggers {
		if t.Arms == record.Off {
			lines = append(lines, fmt.Sprintf("%s cannot fire: %s.", t.Trigger, whyUnarmed(t.Unarmed)))
		}
	}
	if len(w.Alerts) == 0 {
		lines = append(lines, "No alert was received since "+clock(w.Since)+".")
	} else {
		lines = append(lines, "Last alert: "+whyAlert(w.Alerts[0]))
	}
	return lines
}

func by(who, reason string) string {
	out := ""
	if who != "" {
		out = " by " + who
	}
	if reason != "" {
		out += " (" + reason + ")"
	}
	return out
}

func whyRelease(r record.Release) string {
	text := fmt.Sprintf("%s: release %s of %s, %v %%, is %s since %s.", r.Region, r.ID, r.Candidate.Version,
		r.Weight, strings.ReplaceAll(string(r.Phase), "_", " "), clock(latest(r.StartedAt, r.WeightChangedAt)))
	switch {
	case r.Phase != record.Open:
	case r.Held != nil:
		text += " It is held: somebody else changed the split."
	case r.Frozen != "":
		text += " Promotion is frozen: " + r.Frozen
	case r.Weight == 0:
		text += " It gets no traffic."
	}
	if r.Phase == record.Open && r.Weight > 0 {
		text += whyStandby(r)
	}
	if r.Incident != "" {
		text += " Its incident is " + r.Incident + "."
	}
	return text
}

// whyStandby says whether a rollback is possible right now.
func whyStandby(r record.Release) string {
	if why := r.NoRollback(); why != "" {
		return " " + why
	}
	return fmt.Sprintf(" Its standby %s is %s.", r.Stable.Version, r.Standby.Words())
}

// whyAlert is one alert with what became of it and who decided.
func whyAlert(r record.AlertResult) string {
	text := fmt.Sprintf("%s  %s by %s", clock(r.At), cmp.Or(r.Trigger, "(no name)"), r.Source)
	if r.Region != "" && r.Region != runbook.DefaultRegion {
		text += " in " + r.Region
	}
	text += ": " + r.Words()
	if r.Count > 1 {
		text += fmt.Sprintf(" (%d times until %s)", r.Count, r.Newest().UTC().Format(time.TimeOnly))
	}
	if r.Effect != "" {
		text += "; " + reading(r.Effect, r.Limit)
	}
	if r.Significance > 0 {
		text += fmt.Sprintf(", significance %.3g (1 is proved)", r.Significance)
	}
	if r.Guard != "" {
		text += fmt.Sprintf(". Decision: %s (%s)", verb(r.Action), r.Guard)
	}
	if r.Incident != "" && r.Outcome != record.Duplicate {
		text += ", " + r.Incident
	}
	return text
}

func reading(effect, limit string) string {
	if limit == "" {
		return effect
	}
	return effect + " (limit " + limit + ")"
}

func whyAlerts(w view.Why) []string {
	var lines []string
	for _, r := range w.Alerts[:min(len(w.Alerts), mostTold)] {
		lines = append(lines, whyAlert(r))
	}
	return append(lines, more(len(w.Alerts))...)
}

func more(n int) []string {
	if n <= mostTold {
		return nil
	}
	return []string{fmt.Sprintf("… and %d older ones (-o json)", n-mostTold)}
}

func whyIncidents(w view.Why) []string {
	var lines []string
	for _, i := range w.Incidents[:min(len(w.Incidents), mostTold)] {
		verdict := ""
		if i.Verdict != nil {
			verdict = "; " + outcome(i.Verdict.Outcome)
		}
		lines = append(lines, fmt.Sprintf("%s  %s: %s, %s (%s)%s",
			clock(i.OpenedAt), i.ID, heading(i), verb(i.Decision.Action), i.Decision.Guard, verdict))
	}
	return append(lines, more(len(w.Incidents))...)
}

func whyTriggers(w view.Why) []string {
	var lines []string
	unknown := w.Rules.State == record.RulesUnknown || w.Rules.State == ""
	for _, t := range w.Triggers {
		text := t.Trigger
		if t.Region != "" && t.Region != runbook.DefaultRegion {
			text += " in " + t.Region
		}
		if text += ": "; t.Arms == record.Armed && t.State == "" && unknown {
			text += "not known whether it is armed"
		} else {
			text += string(t.Arms)
		}
		if t.Arms != record.Armed {
			text += " (" + whyUnarmed(t.Unarmed) + ")"
		}
		if t.State != "" {
			text += "; " + whyState(t)
		}
		lines = append(lines, text+".")
	}
	open := slices.ContainsFunc(w.Releases, func(r record.Release) bool { return r.Phase == record.Open })
	switch c := w.Rules; {
	case unknown:
		lines = append(lines, "Their rules could not be compared: "+cmp.Or(c.Problem, "not compared yet")+".")
	case c.State == record.RulesSuspected:
		lines = append(lines, "Something differs for the first time: "+c.Drift[0].Text+". It counts if it is seen again.")
	case !open:
		lines = append(lines, "No release is open: their rules were compared, and not the series behind them.")
	}
	return lines
}

func whyUnarmed(d record.RuleDiff) string {
	if d.Fix != "" {
		return strings.TrimRight(d.Text, ". ") + "; " + strings.TrimRight(d.Fix, ". ")
	}
	return strings.TrimRight(d.Text, ". ")
}

// whyState is what Prometheus says of a trigger now, with the effect and the significance
// beside their bars.
func whyState(t view.TriggerNow) string {
	text := map[record.State]string{record.Breaching: "breaching now", record.NotBreaching: "not true now",
		record.NoData: "no data: " + t.Problem, record.Unreachable: "not known: " + t.Problem}[t.State]
	if t.Effect != "" {
		text += ": " + reading(t.Effect, t.Limit)
	}
	switch s := t.Significance; {
	case !t.Compares:
	case s.Problem != "" && s.Problem != t.Problem:
		text += "; significance: " + s.Problem
	case !s.At.IsZero():
		text += fmt.Sprintf("; significance %.3g (1 is proved)", s.Value)
	}
	return strings.TrimRight(text, ". ")
}

func whyDecided(i record.Incident) []string {
	d := i.Decision
	lines := []string{fmt.Sprintf("%s: %s (guard %s) at %s.", i.ID, verb(d.Action), d.Guard, clock(d.At))}
	lines = append(lines, slices.Clone(i.Decision.Reasons)...)
	if i.Decision.Would != "" {
		lines = append(lines, "In active mode: "+verb(i.Decision.Would)+".")
	}
	if i.By != "" {
		lines = append(lines, "Asked for by "+i.By+".")
	}
	return append(lines, lede(i))
}

func whyFired(i record.Incident) []string {
	var lines []string
	for _, a := range i.Alerts {
		if a.Trigger != "" {
			lines = append(lines, fmt.Sprintf("%s  %s by %s, firing since %s",
				clock(a.ReceivedAt), a.Trigger, a.Source, clock(a.StartsAt)))
		}
	}
	return lines
}

func whyAnswered(i record.Incident) []string {
	b := i.Breach
	if b.Trigger == "" {
		return nil
	}
	t := trigger(i, nil)
	if i.Inputs != nil && i.Inputs.Runbook != nil {
		t = trigger(i, i.Inputs.Runbook)
	}
	said := view.TriggerNow{State: b.State, Significance: b.Significance, Problem: b.Problem,
		Compares: t.Comparative()}
	if b.State == record.Breaching || b.State == record.NotBreaching {
		said.Effect, said.Limit = t.Reading(b.Value)
	}
	line := b.Trigger + " at " + clock(b.AskedAt) + ": " + strings.Replace(whyState(said), " now", "", 1)
	if o := odds(b.Significance.LogE); o != "" {
		line += ", " + o
	}
	lines := []string{line + "."}
	if b.State == record.Breaching {
		lines = append(lines, fmt.Sprintf("Candidate: %d pods, %s requests per second; stable: %d pods, %s.",
			b.CandidatePods, runbook.Figure(b.CandidateRate), b.StablePods, runbook.Figure(b.StableRate)))
	}
	if b.RulesDrift != "" {
		lines = append(lines, "The rules differed from the runbook: "+b.RulesDrift)
	}
	return lines
}

func whyAgain(all []view.Recheck) []string {
	var lines []string
	for _, r := range all {
		verdict := "agrees"
		switch {
		case !r.Known:
			verdict = "not known"
		case !r.Agrees:
			verdict = "DISAGREES"
		}
		lines = append(lines, fmt.Sprintf("%s: %s. %s", upper(r.What), verdict, upper(r.Text)))
	}
	return lines
}

func whySeen(w view.Why) []string {
	if w.Since.IsZero() {
		return []string{"The service has no runbook here any more; replica " + w.Replica + " answers."}
	}
	lines := []string{fmt.Sprintf("Replica %s knows each alert that it received since %s, at most a week; "+
		"other replicas know those that they received. Incidents are those of all replicas.", w.Replica, clock(w.Since))}
	for _, lost := range w.Lost {
		lines = append(lines, fmt.Sprintf("Region %s does not answer, and nothing here is about it: %s", lost.Region, lost.Problem))
	}
	return lines
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
