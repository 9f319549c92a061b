package rules

import "fmt"

// trafficSignal compares what the candidate gets with what it should get.
const trafficSignal = "traffic"

// steadyIntervals is how long a weight must have stood still: a scrape may be one
// interval old, a count spans two, and a router follows a little later.
const steadyIntervals = 4

// trafficRules count, for each interval in which no weight changed, the requests that
// each side got and those that the candidate should have got. In the terms of the
// other signals the latter are its opportunities, and its share of them is the weight.
// A candidate without series counts as getting nothing.
func (b *book) trafficRules(signals []signal) []draft {
	if !has(signals, trafficSignal) {
		return nil
	}
	sc := b.everyone()
	weight := fmt.Sprintf("max by (region, version, release) (%s)", sc.rec("autorollback_weight"))
	of := func(more ...string) string {
		return fmt.Sprintf("sum by (region, release) (%s and on (region, version, release) %s)", weight, sc.rec(seriesRole, more...))
	}
	moved := fmt.Sprintf("max by (region, release) (changes(%s[%s])) > 0", sc.rec("autorollback_weight"), steadyIntervals*b.Metrics.Interval)
	share := sc.rec(seriesShare, match("signal", trafficSignal))
	got := fmt.Sprintf(`(sum by (region, release, role) (%s) or on (region, release, role) 0 * group by (region, release, role) (%s)) and on (region, release) %s`,
		b.sided(b.delta(b.raw(b.Metrics.Requests.Counter)), sc), sc.rec(seriesRole), share)
	label := func(more ...string) map[string]string {
		return labelsOf(append([]string{"signal", trafficSignal}, more...)...)
	}
	return []draft{
		{record: seriesShare, labels: label(), comment: "Signal traffic: the share that the candidate should get; not while a weight changes.",
			text: fmt.Sprintf("%s / (%s > 0) > 0 unless on (region, release) %s", of(match("role", string(Candidate))), of(), moved)},
		{record: seriesBad, labels: label(), text: got, comment: "Signal traffic: requests that each side got in one interval."},
		{record: seriesAll, labels: label("role", string(Candidate)), comment: "Signal traffic: requests that the candidate should have got.",
			text: fmt.Sprintf("sum by (region, release) (%s) * on (region, release) group_left () %s", sc.rec(seriesBad, match("signal", trafficSignal)), share)},
		{record: seriesPhi, labels: label(), comment: "Signal traffic: routers and sticky users cluster; assumed, not measured.",
			text: fmt.Sprintf("%s + 0 * group by (region, release) (%s)", num(phiTraffic), sc.rec(seriesRole))},
	}
}
