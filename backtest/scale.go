package backtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// scaled is the runbook with every trigger's number multiplied: a factor below 1
// makes triggers more sensitive.
func scaled(rb *runbook.Runbook, factor float64) *runbook.Runbook {
	out := *rb
	out.Triggers = slices.Clone(rb.Triggers)
	for i, t := range rb.Triggers {
		out.Triggers[i] = t.Scaled(factor)
	}
	return &out
}

// onlyAlerts reports whether the variant records exactly what the group records, so
// that its alerts can be evaluated on the same recorded series. An alert that reads
// alerts would see those of the other thresholds.
func onlyAlerts(g, variant rules.Group) bool {
	return slices.Equal(recorded(g), recorded(variant)) &&
		!slices.ContainsFunc(variant.Rules, func(r rules.Rule) bool { return strings.Contains(r.Expr.String(), "ALERTS") })
}

func recorded(g rules.Group) []string {
	var out []string
	for _, r := range g.Rules {
		if r.Record != "" {
			out = append(out, fmt.Sprint(r.Record, r.Labels, r.Expr))
		}
	}
	return out
}

// alertsOf are the group's alerts under names of their own.
func alertsOf(g rules.Group, factor float64) rules.Group {
	out := g
	out.Rules = nil
	for _, r := range g.Rules {
		if r.Alert != "" {
			r.Alert = fmt.Sprintf("%sTimes%s", r.Alert, strings.ReplaceAll(fmt.Sprint(factor), ".", "_"))
			out.Rules = append(out.Rules, r)
		}
	}
	return out
}
