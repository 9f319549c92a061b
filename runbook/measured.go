package runbook

import (
	"fmt"
	"math"
)

// Measured is what a trigger's number is made of, for who draws it.
type Measured struct {
	Name  string // e.g. "P95 latency, over 5m"
	Unit  string // as [Quantity] takes it; "points" of a difference of shares
	Floor bool   // below its limit a level is past it
	// Sides: there is a level of each version. Otherwise the trigger's own number is the level.
	Sides bool
	Total bool // it is one number of all versions together
	Limit string
}

// Measured says what the trigger measures, over which window, and its limit in words.
func (r *Runbook) Measured(t Trigger) Measured {
	m := Measured{Unit: "ratio", Sides: true}
	switch t.Type {
	case LatencyQuantile:
		m.Name, m.Unit = t.latencyName(), "s"
	case LatencyMean:
		m.Name, m.Unit, m.Sides = t.latencyName(), "s", false
		if t.Increase > 0 {
			m.Name, m.Unit = m.Name+", in times stable's", ""
		}
	case ErrorRate, ErrorIncrease:
		m.Name = "error rate"
	case KPIDrop:
		m.Name, m.Floor = t.KPI, true
		if k, ok := r.KPI(t.KPI); ok && k.IsMean() {
			m.Unit = k.Unit
		}
	case Compare:
		m.Name = t.Bad + " of " + t.All
	case CanaryStarved:
		m.Name, m.Unit, m.Floor = "requests of the candidate", "req/s", true
	case SchemaMismatch:
		m.Name = "schema mismatches"
	case NullSpike:
		m.Name, m.Unit, m.Sides = "missing values of the worst feature, above stable", "points", false
	case DistributionShift:
		m.Name, m.Sides = fmt.Sprintf("distance of %s from %s", t.Distribution, t.Against), false
		if t.PSI > 0 {
			m.Name, m.Unit = fmt.Sprintf("PSI of %s against %s", t.Distribution, t.Against), ""
		}
	case DriftGauge:
		m.Name, m.Unit, m.Sides = "drift score, in times its threshold", "", false
	case AbsoluteSLO:
		m.Name, m.Sides, m.Total = "error rate of all versions", false, true
		if t.Ceiling > 0 {
			m.Name, m.Unit = t.latencyName()+" of all versions", "s"
		}
	default:
		return Measured{Name: t.String()}
	}
	m.Name += ", over " + t.EffectWindow(r.Metrics.Step()).String()
	m.Limit = t.limitWords()
	return m
}

// limitWords says what the limit is, where it moves with stable.
func (t Trigger) limitWords() string {
	_, limit := t.Reading(0)
	switch t.Type {
	case LatencyMean:
		if t.Increase > 0 {
			return Percent(float64(t.Increase)) + " above stable"
		}
	case LatencyQuantile:
		if t.Increase == 0 {
			return limit
		}
		words := Percent(float64(t.Increase)) + " above stable"
		if t.Ceiling > 0 {
			words += ", or " + Seconds(t.Ceiling.Std().Seconds())
		}
		return words
	case ErrorRate, SchemaMismatch:
		return limit + " and " + number(MinErrorRatio) + " × stable"
	case ErrorIncrease, Compare:
		return limit + " and " + number(t.MinRatio) + " × above stable"
	case KPIDrop:
		return limit + " below stable"
	case CanaryStarved:
		return Percent(float64(t.Below)) + " of what its weight asks for"
	}
	return limit
}

// MinErrorRatio is how many times stable's share the candidate's must be, where a share has a limit of its own.
const MinErrorRatio = 1.5

// LimitAt is how high the candidate's level may be, of a floor how low, where stable is at that
// level. NaN: nobody knows, or the trigger has no such number.
func (t Trigger) LimitAt(stable float64) float64 {
	switch t.Type {
	case LatencyMean:
		if t.Increase > 0 {
			return 1 + float64(t.Increase)
		}
		return t.Ceiling.Std().Seconds()
	case LatencyQuantile:
		limit := math.NaN()
		if t.Increase > 0 {
			limit = stable * (1 + float64(t.Increase))
		}
		if c := t.Ceiling.Std().Seconds(); c > 0 && !(limit < c) {
			limit = c
		}
		return limit
	case ErrorRate, SchemaMismatch:
		if times := MinErrorRatio * stable; times > float64(t.Above) {
			return times
		}
		return float64(t.Above)
	case ErrorIncrease, Compare:
		return max(stable+float64(t.By), stable*t.MinRatio)
	case KPIDrop:
		return stable * (1 - float64(t.Drop))
	case CanaryStarved:
		return stable * float64(t.Below)
	case NullSpike:
		return float64(t.By)
	case DistributionShift:
		return t.Gap()
	case DriftGauge:
		return 1
	case AbsoluteSLO:
		if t.Ceiling > 0 {
			return t.Ceiling.Std().Seconds()
		}
		return float64(t.Above)
	}
	return math.NaN()
}
