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

// blind fires where a side that should get traffic has had no data for one of the
// levels for as long as that may be silent; for the candidate, where the daemon lacks
// fresh significance for a trigger; and for a region for which daemons name two releases.
func (b *compiler) blind() unparsedRule {
	parts := []string{fmt.Sprintf("sum by (region, release, role) ((%s) and %s and on (region, release, version) %s > 0)",
		strings.Join(b.silences(), " or "), b.ours(RoleRecord), b.ours(WeightSeries))}
	claims := fmt.Sprintf("count by (region) (count by (region, release) (%s))", b.ours(RoleSeries))
	parts = append(parts, fmt.Sprintf("min_over_time(%s[%s:%s]) > 1", claims, Patience(b.Metrics.Step(), 0), b.Metrics.Step()))
	return unparsedRule{
		alert: alertName(b.Service, "Blind"), keep: 4 * b.Metrics.Step(), text: strings.Join(parts, " or "),
		labels:  b.alertLabels(BlindTrigger, string(runbook.Page)),
		comment: "Some trigger cannot judge an open release.",
		annotations: b.annotations("an open release cannot be judged by every trigger: data is missing.",
			`The {{ with $labels.role }}{{ . }} side{{ else }}release{{ end }}{{ with $labels.region }} in region {{ . }}{{ end }}{{ with $labels.release }}, release {{ . }},{{ end }} cannot be judged. Missing data is neither good nor bad.`,
			"no data"),
	}
}

// side joins what is known of one side of a release.
const side = "on (region, release, role)"

// silences have the roles of the sides of which some level has been silent for too long,
// and of candidates of which the daemon tells too little.
func (b *compiler) silences() []string {
	var order []string
	seen, and := map[string][]string{}, " and "
	for _, l := range b.received() {
		since, level := b.silence(l)
		if seen[since] == nil {
			order = append(order, since)
		}
		seen[since] = append(seen[since], level)
		if l.part != "" {
			and = " and " + side + " "
		}
	}
	for i, since := range order {
		levels := strings.Join(seen[since], and)
		if len(seen[since]) > 1 { // several must be heard
			levels = "(" + levels + ")"
		}
		order[i] = fmt.Sprintf("%s unless %s %s", since, side, levels)
	}
	if names := b.significant(); len(names) > 0 {
		order = append(order, b.insignificant(names))
	}
	return order
}

// silence is the role as it was when the level may have been silent at last, and the
// level as it was heard since.
func (b *compiler) silence(l level) (since, received string) {
	patience, role, received := Patience(b.Metrics.Step(), l.window), b.ours(RoleRecord), b.ours(l.series())
	switch {
	case l.lent:
		patience, role = max(b.Metrics.Drift.MaxAge, Patience(b.Metrics.Step(), 0)), b.ours(RoleRecord, isRole(runbook.Candidate))
	case l.gain:
		received = fmt.Sprintf("(%s and %s %s > 0)", received, same, received)
	case l.op == "":
		received += " > 0"
	case patience > l.window:
		received = fmt.Sprintf("present_over_time(%s[%s])", received, patience-l.window)
	}
	return fmt.Sprintf("%s offset %s", role, patience), received
}

// received are the levels that may not be silent: all but the traffic's, for getting nothing
// is what that looks for. Where nothing else is compared, it is asked for all the same.
func (b *compiler) received() []level {
	compared := slices.DeleteFunc(b.levels(), func(l level) bool { return l.op == "" })
	if len(compared) > 0 {
		return compared
	}
	return []level{b.traffic()}
}

// traffic is the requests of each side, where no level but that is compared.
func (b *compiler) traffic() level {
	return b.level(runbook.Trigger{Type: runbook.CanaryStarved, For: Patience(b.Metrics.Step(), 0)})
}

// significant are the triggers of which the daemon must tell the significance.
func (b *compiler) significant() []string {
	var out []string
	for _, t := range b.Triggers {
		if t.Comparative() {
			out = append(out, t.Name)
		}
	}
	return out
}

// insignificant are the candidates of which the daemon tells less.
func (b *compiler) insignificant(triggers []string) string {
	// Over the patience: a daemon that was started again counts the history first.
	told := fmt.Sprintf("last_over_time(%s[%s])", b.ours(SignificanceSeries, fmt.Sprintf("trigger=~%q", strings.Join(triggers, "|"))), Patience(b.Metrics.Step(), 0))
	if n := len(triggers); n > 1 {
		told = fmt.Sprintf("count by (region, release) (count by (region, release, trigger) (%s)) >= %d", told, n)
	}
	return fmt.Sprintf("%s offset %s unless %s %s", b.ours(RoleRecord, isRole(runbook.Candidate)), Patience(b.Metrics.Step(), 0), same, told)
}

// Patience is how long a level over the window may be silent: as long as the window, at
// least 8 intervals; at common intervals at least two minutes.
func Patience(interval, window runbook.Duration) runbook.Duration {
	least := 8 * interval
	if interval >= runbook.Duration(5*time.Second) {
		least = max(least, leastBlind)
	}
	return max(least, window)
}
