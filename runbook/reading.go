package runbook

import (
	"fmt"
	"strconv"
)

// Reading says a measured effect of the trigger and its limit as two phrases, e.g.
// "error rate 2.1 points above stable" and "0.5 points". It knows the types whose
// value is none of a ratio of quantiles, a ratio of KPIs and a share of requests; the
// others answer with false.
func (t Trigger) Reading(value float64) (effect, limit string, ok bool) {
	points := func(what string) (string, string, bool) {
		return what + " " + three(value*100) + " points above stable", three(float64(t.By)*100) + " points", true
	}
	switch t.Type {
	case ErrorIncrease:
		return points("error rate")
	case NullSpike:
		return points("missing values of the worst feature")
	case Compare:
		return points(t.Bad + " of " + t.All)
	case SchemaMismatch:
		return three(value*100) + " % of what was checked does not fit the schema", three(float64(t.Above)*100) + " %", true
	case DistributionShift:
		if t.PSI > 0 {
			return fmt.Sprintf("distribution of %s at PSI %s from %s", t.Distribution, three(value), t.Against), "PSI " + three(t.PSI), true
		}
		return fmt.Sprintf("distribution of %s at distance %s %% from %s", t.Distribution, three(value*100), t.Against), three(float64(t.Distance)*100) + " %", true
	case CanaryStarved:
		return "candidate gets " + three(value*100) + " % of the traffic it should get", "less than " + three(float64(t.Below)*100) + " %", true
	case Anomaly:
		return "the expression " + t.Expr + " is true", "true all the time for " + t.For.String(), true
	case DriftGauge:
		return "drift score of the candidate at " + three(value) + " times its threshold", "1", true
	case LatencyQuantile:
		if t.Increase == 0 {
			return quantileName(t.Quantile) + " latency of the candidate " + three(value*1000) + " ms", t.Ceiling.String(), true
		}
	}
	return "", "", false
}

// three writes three significant digits, without an exponent where it can.
func three(f float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 3, 64), 64)
	if err != nil {
		return number(f)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
