package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// roleRules say who plays which part, from what the daemons export: max, so that two
// daemons count once. A region for which they name two releases is left out until
// they agree; the Blind alert tells of it.
func (b *book) roleRules() []draft {
	sc := b.everyone()
	source := sc.rec("autorollback_release_role")
	count := fmt.Sprintf("count by (region) (count by (region, release) (%s))", source)
	role := fmt.Sprintf(`max by (region, version, release, role) (%s) and on (region) %s == 1`, source, sc.rec(seriesReleases))
	return []draft{
		{record: seriesReleases, text: count, comment: "How many releases are claimed to be open in a region; more than one means that two daemons disagree."},
		{record: seriesRole, text: b.relabelled(role), comment: "Who is candidate and who is stable. Everything below vanishes with it, when no release is in flight."},
	}
}

// relabelled gives the role the very label names by which the service's series tell
// side and region.
func (b *book) relabelled(role string) string {
	if t := b.Metrics.Track; t != nil {
		for _, side := range []struct {
			track string
			role  runbook.Role
		}{{t.Candidate, runbook.Candidate}, {t.Stable, runbook.Stable}} {
			role = fmt.Sprintf("label_replace(%s, %s, %s, \"role\", %s)", role, strconv.Quote(t.Label),
				strconv.Quote(strings.ReplaceAll(side.track, "$", "$$")), strconv.Quote(string(side.role)))
		}
	} else if l := b.Metrics.VersionLabel; l != "version" {
		role = copyLabel(role, l, "version")
	}
	if l := b.Metrics.RegionLabel; l != "" && l != "region" {
		role = copyLabel(role, l, "region")
	}
	return role
}

func copyLabel(expr, to, from string) string {
	return fmt.Sprintf(`label_replace(%s, %s, "$1", %s, "(.*)")`, expr, strconv.Quote(to), strconv.Quote(from))
}

// keysOf are the labels that tell signals apart, and their parts where any has some.
func keysOf(signals []signal) string {
	for _, s := range signals {
		if s.parts != nil {
			return "region, release, signal, part"
		}
	}
	return "region, release, signal"
}

// except is a matcher that leaves out the signals that have rules of their own.
func except(signals []signal, own func(signal) bool) string {
	names := only(signals, own)
	if len(names) == 0 {
		return ""
	}
	if len(names) == 1 {
		return fmt.Sprintf("signal!=%q", names[0])
	}
	return strings.Replace(anyOf(names), "=~", "!~", 1)
}

func only(signals []signal, pick func(signal) bool) []string {
	var names []string
	for _, s := range signals {
		if pick(s) {
			names = append(names, s.name)
		}
	}
	return names
}

func every(signals []signal, have func(signal) bool) bool {
	return len(only(signals, have)) == len(signals)
}

func has(signals []signal, name string) bool {
	return slices.ContainsFunc(signals, func(s signal) bool { return s.name == name })
}

// sideRules add the pods up, once for all signals.
func (b *book) sideRules(signals []signal) []draft {
	sc, keys := b.everyone(), keysOf(signals)
	whole := except(signals, func(s signal) bool { return s.parts != nil })
	sum := func(series string) string {
		return fmt.Sprintf("sum by (region, release, role, signal) (%s)", sc.rec(series, whole))
	}
	counted := except(signals, func(s signal) bool { return s.name == trafficSignal })
	share := fmt.Sprintf(`sum by (%[1]s) (%[2]s) / (sum by (%[1]s) (%[3]s) > 0)`,
		keys, sc.rec(seriesAll, match("role", string(runbook.Candidate)), counted), sc.rec(seriesAll, counted))
	pods := fmt.Sprintf("count by (region, release, role, signal) (sum_over_time(%s[%s]) > 0) and on (region, release) %s",
		sc.rec(seriesPodAll), levelWindow, sc.rec(seriesRole))
	out := []draft{
		{record: seriesAll, text: sum(seriesPodAll), comment: "Opportunities of each side in one interval."},
		{record: seriesBad, text: sum(seriesPodBad), comment: "Events of each side in one interval."},
	}
	if len(proved(signals)) > 0 {
		out = append(out, draft{record: seriesShare, text: share, comment: "The candidate's share of the opportunities."})
	}
	return append(out, draft{record: seriesPods, text: pods, comment: "Pods of each side that did anything in the last " + levelWindow + "."})
}
