package runbook

import (
	"fmt"
	"strconv"
)

// String says the trigger in the words of a runbook, e.g. "P95 latency 30% above
// stable over 5m".
func (t Trigger) String() string {
	switch {
	case t.Type == LatencyQuantile:
		return fmt.Sprintf("%s latency %s above stable over %s", quantileName(t.Quantile), t.Increase, t.For)
	case t.Type == ErrorRate:
		return fmt.Sprintf("error rate above %s over %s, and clearly above stable", t.Above, t.For)
	case t.Type == KPIDrop:
		return fmt.Sprintf("KPI %s %s below stable over %s, with significance", t.KPI, t.Drop, t.For)
	case t.Ceiling > 0:
		return fmt.Sprintf("%s latency of any version above %s over %s", quantileName(t.Quantile), t.Ceiling, t.For)
	default:
		return fmt.Sprintf("error rate of any version above %s over %s", t.Above, t.For)
	}
}

// quantileName writes 0.95 as P95 and 0.999 as P99.9.
func quantileName(q float64) string {
	return "P" + trimPercent(Ratio(q))
}

func trimPercent(r Ratio) string { s := r.String(); return s[:len(s)-1] }

// number writes a float the way a person would.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
