package backtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// scaled is the runbook with every trigger's number multiplied: a factor below 1
// makes triggers more sensitive.
func scaled(rb *runbook.Runbook, factor float64) *runbook.Runbook {
	out := *rb
	out.Triggers = slices.Clone(rb.Triggers)
	for i, t := range rb.Triggers {
		out.Triggers[i] = scaledTrigger(t, factor)
	}
	return &out
}

// scaledTrigger multiplies how far the trigger lets the candidate be off. Where the
// runbook names what is left of a good state (below 50 % of the wanted traffic), that
// is what is missing of it.
func scaledTrigger(t runbook.Trigger, factor float64) runbook.Trigger {
	for _, r := range []*runbook.Ratio{&t.Increase, &t.Above, &t.By, &t.Drop, &t.Distance} {
		*r *= runbook.Ratio(factor)
	}
	t.PSI *= factor
	t.Ceiling = runbook.Duration(math.Round(t.Ceiling.Std().Seconds()*factor*1000)) * runbook.Duration(time.Millisecond)
	if t.Below > 0 {
		t.Below = max(1-(1-t.Below)*runbook.Ratio(factor), 0)
	}
	return t
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
