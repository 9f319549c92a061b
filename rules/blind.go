package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// leastBlind is the shortest silence that is called blind at common intervals.
const leastBlind = runbook.Duration(2 * time.Minute)

// blind fires where a side that should get traffic has no data for a signal over its
// window, and where two daemons name different releases. One alert for each side.
func (b *book) blind(signals []signal) draft {
	sc := b.everyone()
	weighed := fmt.Sprintf("%s and on (region, version, release) max by (region, version, release) (%s) > 0", sc.rec(seriesRole), sc.rec("autorollback_weight"))
	var parts []string
	for _, w := range b.patiences(signals) {
		seen := fmt.Sprintf("sum_over_time(%s[%s]) > 0", sc.rec(seriesAll, anyOf(w.signals)), w.length)
		if n := len(w.signals); n > 1 {
			seen = fmt.Sprintf("count by (region, release, role) (group by (region, release, role, signal) (%s)) == %d", seen, n)
		}
		parts = append(parts, fmt.Sprintf(`(
			sum by (region, release, role) (%s and on (region, release) %s offset %s)
			unless on (region, release, role) %s)`,
			weighed, sc.rec(seriesRole), w.length, seen))
	}
	for _, t := range b.Triggers {
		if t.Type == runbook.DriftGauge {
			parts = append(parts, b.staleGauges())
			break
		}
	}
	if len(parts) == 0 {
		parts = append(parts, b.blindToAll(weighed))
	}
	parts = append(parts, fmt.Sprintf("min_over_time(%s[%s]) > 1", sc.rec(seriesReleases), b.patience(signal{})))
	return draft{
		alert: alertName(b.Service, "Blind"), keep: 4 * b.Metrics.Interval,
		text:    "sum by (region, release, role) (" + strings.Join(parts, "\nor on (region, release, role) ") + ")",
		labels:  b.alertLabels(BlindTrigger, string(runbook.Page)),
		comment: "One side of an open release has no data, or daemons disagree about the release: no trigger can judge it.",
		annotations: b.annotations("one side of an open release has no data: no trigger can judge it.",
			`The {{ with $labels.role }}{{ . }} side{{ else }}release{{ end }}{{ with $labels.region }} in region {{ . }}{{ end }}{{ with $labels.release }}, release {{ . }},{{ end }} cannot be judged. Missing data is neither good nor bad.`,
			"no data"),
	}
}

// staleGauges names the candidate whose drift scores are missing or old, once the
// release is older than a score may be.
func (b *book) staleGauges() string {
	sc, age := b.everyone(), max(b.Metrics.Drift.MaxAge, b.patience(signal{}))
	return fmt.Sprintf(`(
		sum by (region, release, role) (%[1]s and on (region, release) %[1]s offset %[2]s)
		unless on (region, release) %[3]s)`, sc.rec(seriesRole, match("role", string(runbook.Candidate))), age, b.drifted(sc, runbook.Candidate))
}

// blindToAll serves a runbook without comparative triggers: no requests, no data.
func (b *book) blindToAll(weighed string) string {
	sc, w := b.everyone(), b.patience(signal{})
	return fmt.Sprintf(`(
		sum by (region, release, role) (%s and on (region, release) %s offset %s)
		unless on (region, release, role) sum by (region, release, role) (%s) > 0)`,
		weighed, sc.rec(seriesRole), w, b.sided(fmt.Sprintf("increase(%s[%s])", b.raw(b.Metrics.Requests.Counter), w), sc))
}

// patience is how long a signal may be silent: its trigger's window, at least 8
// intervals; at common intervals at least two minutes.
func (b *book) patience(s signal) runbook.Duration {
	least := 8 * b.Metrics.Interval
	if b.Metrics.Interval >= runbook.Duration(5*time.Second) {
		least = max(least, leastBlind)
	}
	return max(least, s.window)
}

// A silence is how long some signals may be silent.
type silence struct {
	length  runbook.Duration
	signals []string
}

// patiences are the silences of all signals but the traffic's: getting nothing is what it
// looks for.
func (b *book) patiences(signals []signal) []silence {
	var out []silence
	for _, s := range signals {
		if s.name == trafficSignal {
			continue
		}
		w := b.patience(s)
		i := slices.IndexFunc(out, func(o silence) bool { return o.length == w })
		if i < 0 {
			i, out = len(out), append(out, silence{length: w})
		}
		out[i].signals = append(out[i].signals, s.name)
	}
	return out
}
