package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// meanWording names what the mean is of, and its unit if it has one.
func meanWording(t runbook.Trigger, k runbook.KPI) wording {
	what := "mean " + k.Name + " per trial"
	if k.Unit != "" {
		what += " in " + untemplated(k.Unit)
	}
	return wording{
		fmt.Sprintf("The candidate's %s is more than %s below stable's, over %s.", what, percent(float64(t.Drop)), t.For),
		fmt.Sprintf("The candidate's %s is {{ $value | humanizePercentage }} of stable's%s.", what, where),
		"< " + num(1-float64(t.Drop)),
	}
}
