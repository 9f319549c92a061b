package question

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// Triggers says in one sentence what the triggers say of the next step now.
func (q Question) Triggers() string {
	var bad, unknown []string
	fine := 0
	for _, t := range q.Live.Triggers {
		switch t.State {
		case record.Breaching:
			bad = append(bad, t.Trigger)
		case record.NotBreaching:
			fine++
		default:
			unknown = append(unknown, t.Trigger)
		}
	}
	switch {
	case len(q.Live.Triggers) == 0:
		return ""
	case len(bad) > 0:
		return "Breaching now: " + strings.Join(bad, ", ") + "."
	case len(unknown) > 0:
		return fmt.Sprintf("%d of %d triggers do not breach now; of %s that cannot be told.", fine, len(q.Live.Triggers), strings.Join(unknown, ", "))
	case fine == 1:
		return "Its trigger does not breach now."
	}
	return fmt.Sprintf("None of its %d triggers breaches now.", fine)
}

// Trigger says how a trigger stands now: in a word, with its number and limit, or why there is none.
func Trigger(t view.TriggerNow) string {
	text := map[record.State]string{record.Breaching: "breaching", record.NotBreaching: "not breaching", record.NoData: "no data",
		record.Unreachable: "Prometheus does not answer"}[t.State]
	if text == "" {
		text = "not asked"
	}
	if t.Effect != "" {
		text += ": " + t.Effect
	}
	if t.Limit != "" {
		text += " (limit " + t.Limit + ")"
	}
	if t.Problem != "" {
		text += "; " + t.Problem
	}
	return text
}

// mostMeasured is how many triggers' numbers fit beside the question.
const mostMeasured = 3

// Measured are what the first triggers measure now, against their limits.
func (q Question) Measured() (out []string) {
	for _, t := range q.Live.Triggers {
		if t.Effect != "" && t.Limit != "" && len(out) < mostMeasured {
			out = append(out, fmt.Sprintf("%s (limit %s)", t.Effect, t.Limit))
		}
	}
	return out
}
