package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

const (
	// durableShare of the window's intervals must have been seen: a lost evaluation
	// does not start the time again.
	durableShare = 0.8
	// withoutPodRatio is how many times stable's share the candidate's must be without
	// any one pod, for a trigger without evidence.
	withoutPodRatio = 1.25
)

// durable reports whether the trigger must be true all the time for its window,
// because nothing else guards it against chance. The time is kept in a recorded
// series, not in Prometheus' for, which a restart forgets.
func durable(t runbook.Trigger) bool {
	return t.Style == runbook.ByThreshold || t.Type == runbook.Anomaly || t.Type == runbook.DriftGauge
}

// instant is the trigger over the shortest honest window, where it must be durable.
func (b *book) instant(t runbook.Trigger) runbook.Trigger {
	if t.Style == runbook.ByThreshold {
		t.For = 4 * b.Metrics.Interval
	}
	return t
}

// lasting records whether a durable trigger is true now, for each open release.
func (b *book) lasting(t runbook.Trigger) draft {
	sc := b.everyone()
	text := fmt.Sprintf("(group by (region, release) (%[1]s) or on (region, release) 0 * group by (region, release) (%[2]s)) and on (region, release) %[2]s",
		b.truth(t, sc), sc.rec(seriesRole))
	return draft{record: seriesBreach, labels: labelsOf("trigger", t.Name), text: text,
		comment: fmt.Sprintf("Trigger %s: is it true now? 1 or 0.", t.Name)}
}

// truth has a series for each release for which a durable trigger is true now.
func (b *book) truth(t runbook.Trigger, s scope) string {
	switch t.Type {
	case runbook.Anomaly:
		on := b.Metrics.RegionLabel
		return fmt.Sprintf("%s and on (%s) (%s)", s.rec(seriesRole), on, b.anomalies[t.Name])
	case runbook.DriftGauge:
		return fmt.Sprintf("%s > 1 unless on (region, release) %s > 1", b.drifted(s, runbook.Candidate), b.drifted(s, runbook.Stable))
	default:
		return b.gate(t, s)
	}
}

// drifted is how many times its threshold the highest drift score of a side is, of
// those whose last run is fresh.
func (b *book) drifted(s scope, role runbook.Role) string {
	d := b.Metrics.Drift
	return fmt.Sprintf(`max by (region, release) (%s * on (version) group_left () max by (version) (
		%s / %s and time() - %s < %s))`, s.rec(seriesRole, match("role", string(role))),
		selector(d.Score, b.drift), selector(d.Threshold, b.drift), selector(d.LastRun, b.drift), num(d.MaxAge.Std().Seconds()))
}

// lasted keeps what has been true for the whole window, and passes the guards that
// stand in for evidence: enough samples on both sides, and not one pod's doing.
func (b *book) lasted(t runbook.Trigger, s scope) string {
	series := s.rec(seriesBreach, match("trigger", t.Name))
	least := math.Ceil(durableShare * float64(t.For) / float64(b.Metrics.Interval))
	text := fmt.Sprintf(`(%[1]s) and on (region, release) (min_over_time(%[2]s[%[3]s]) == 1 and count_over_time(%[2]s[%[3]s]) >= %[4]s)`,
		b.effect(t, s), series, t.For, num(least))
	if t.Style != runbook.ByThreshold {
		return text
	}
	for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		text += fmt.Sprintf(" and on (region, release) sum by (region, release) (sum_over_time(%s[%s])) >= %s",
			s.rec(seriesAll, match("role", string(role)), match("signal", b.signalOf(t).name)), t.For, num(b.minRequests()))
	}
	return text + " and on (region, release) (" + b.withoutAnyPod(t, s) + ")"
}

// withoutAnyPod is true if the candidate's share stays above stable's whichever pod is
// left out, or if it has one pod only.
func (b *book) withoutAnyPod(t runbook.Trigger, s scope) string {
	is := match("signal", b.signalOf(t).name)
	candidate := match("role", string(runbook.Candidate))
	rest := func(series string) string {
		window := fmt.Sprintf("(sum_over_time(%s[%s]))", s.rec(series, candidate, is), t.For)
		return fmt.Sprintf("(sum by (region, release) %s - on (region, release) group_right () sum by (region, release, %s) %s)", window, b.Metrics.PodLabel, window)
	}
	return fmt.Sprintf("min by (region, release) (%s / %s) > %s * %s or %s == 1",
		rest(seriesPodBad), rest(seriesPodAll), num(withoutPodRatio), b.level(t, s, runbook.Stable), s.rec(seriesPods, is, candidate))
}
