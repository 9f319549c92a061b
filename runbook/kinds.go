package runbook

import (
	"fmt"
	"strconv"
)

// String says the trigger in the words of a runbook, e.g. "P95 latency 30% above
// stable over 5m".
func (t Trigger) String() string {
	switch t.Type {
	case LatencyQuantile:
		return t.latency() + t.steady()
	case ErrorRate:
		return fmt.Sprintf("error rate above %s over %s, and clearly above stable", t.Above, t.For) + t.steady()
	case ErrorIncrease:
		return fmt.Sprintf("error rate %s points and %s times above stable over %s", trimPercent(t.By), number(t.MinRatio), t.For) + t.steady()
	case KPIDrop:
		return fmt.Sprintf("KPI %s %s below stable over %s, with significance", t.KPI, t.Drop, t.For)
	case NullSpike:
		return fmt.Sprintf("missing values of any feature %s points above stable over %s", trimPercent(t.By), t.For)
	case SchemaMismatch:
		return fmt.Sprintf("schema mismatches above %s over %s, and clearly above stable", t.Above, t.For) + t.steady()
	case DistributionShift:
		return fmt.Sprintf("distribution of %s more than %s from %s over %s", t.Distribution, t.gap(), t.Against, t.For)
	case CanaryStarved:
		return fmt.Sprintf("candidate gets less than %s of its share of the traffic over %s", t.Below, t.For)
	case Compare:
		return fmt.Sprintf("%s of %s %s points and %s times above stable over %s", t.Bad, t.All, trimPercent(t.By), number(t.MinRatio), t.For) + t.steady()
	case Anomaly:
		return fmt.Sprintf("%s, all the time for %s", t.Expr, t.For)
	case DriftGauge:
		return fmt.Sprintf("drift score of the candidate above its threshold, and not of stable, all the time for %s", t.For)
	}
	if t.Ceiling > 0 {
		return fmt.Sprintf("%s latency of any version above %s over %s", quantileName(t.Quantile), t.Ceiling, t.For)
	}
	return fmt.Sprintf("error rate of any version above %s over %s", t.Above, t.For)
}

func (t Trigger) latency() string {
	name := quantileName(t.Quantile) + " latency"
	switch {
	case t.Ceiling == 0:
		return fmt.Sprintf("%s %s above stable over %s", name, t.Increase, t.For)
	case t.Increase == 0:
		return fmt.Sprintf("%s above %s over %s, and clearly slower than stable", name, t.Ceiling, t.For)
	default:
		return fmt.Sprintf("%s %s above stable or above %s over %s, and clearly slower than stable", name, t.Increase, t.Ceiling, t.For)
	}
}

// gap is the limit of a distribution's shift.
func (t Trigger) gap() string {
	if t.PSI > 0 {
		return "PSI " + number(t.PSI)
	}
	return "distance " + t.Distance.String()
}

func (t Trigger) steady() string {
	if t.Style == ByThreshold {
		return ", all the time"
	}
	return ""
}

// quantileName writes 0.95 as P95 and 0.999 as P99.9.
func quantileName(q float64) string {
	return "P" + trimPercent(Ratio(q))
}

func trimPercent(r Ratio) string { s := r.String(); return s[:len(s)-1] }

// number writes a float the way a person would.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

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
