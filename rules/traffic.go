package rules

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// trafficSignal compares what the candidate gets with what it should get.
const trafficSignal = "traffic"

// steadyIntervals is how long a weight must have stood still: the newest scrape may be
// one interval old, the one before it as old as the rules look back, and a router
// follows a little later.
const steadyIntervals = 6

// missing is how long a pod that was seen must be seen again, or else the sides are
// not compared: nobody knows what it serves. After that it counts as gone.
const missing = runbook.Duration(10 * time.Minute)

// trafficRules count, for each interval in which no weight changed, the requests that
// each side got and those that the candidate should have got. In the terms of the
// other signals the latter are its opportunities, and its share of them is the weight.
// A candidate without series counts as getting nothing. Requests are the rate between a
// pod's last two scrapes: growth that came in between while it was not scraped would be
// missing on one side only. An interval in which a pod has no rate is left out, unless
// no pod of the candidate has one.
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
	raw, pod := b.raw(b.Metrics.Requests.Counter), b.on+", "+b.Metrics.PodLabel
	rate := fmt.Sprintf("irate(%s[%s])", raw, b.back)
	unseen := fmt.Sprintf("(count by (region, release) (%s) and on (region, release) %s)", b.sided(fmt.Sprintf("(group by (%[1]s) (last_over_time(%[2]s[%[3]s])) unless on (%[1]s) group by (%[1]s) (%[4]s))", pod, raw, missing, rate), sc), b.sided(rate, sc, match("role", string(runbook.Candidate))))
	got := fmt.Sprintf(`(sum by (region, release, role) (%s) or on (region, release, role) 0 * group by (region, release, role) (%s)) and on (region, release) %s`,
		b.sided(fmt.Sprintf("%s * %s", rate, num(b.Metrics.Interval.Std().Seconds())), sc), sc.rec(seriesRole), share)
	label := func(more ...string) map[string]string {
		return labelsOf(append([]string{"signal", trafficSignal}, more...)...)
	}
	return []draft{
		{record: seriesShare, labels: label(), comment: "Signal traffic: the share that the candidate should get; not while a weight changes, or a pod is not seen.",
			text: fmt.Sprintf("%s / (%s > 0) > 0 unless on (region, release) %s unless on (region, release) %s", of(match("role", string(runbook.Candidate))), of(), moved, unseen)},
		{record: seriesBad, labels: label(), text: got, comment: "Signal traffic: requests that each side got in one interval."},
		{record: seriesAll, labels: label("role", string(runbook.Candidate)), comment: "Signal traffic: requests that the candidate should have got.",
			text: fmt.Sprintf("sum by (region, release) (%s) * on (region, release) group_left () %s", sc.rec(seriesBad, match("signal", trafficSignal)), share)},
		{record: seriesPhi, labels: label(), comment: "Signal traffic: routers and sticky users cluster; assumed, not measured.",
			text: fmt.Sprintf("%s + 0 * group by (region, release) (%s)", num(phiTraffic), sc.rec(seriesRole))},
	}
}
