package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// number writes v with three significant digits, thousands apart, and never as an
// exponent below a trillion.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "no number"
	case math.IsInf(v, 1):
		return "infinite"
	case math.IsInf(v, -1):
		return "minus infinite"
	case v == 0:
		return "0"
	case math.Abs(v) >= 1e12 || math.Abs(v) < 1e-6:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case math.Abs(v) >= 1000:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// thousands sets apart groups of three digits by a comma.
func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

func percent(share float64) string { return number(share*100) + " %" }

// signed is percent with its sign always shown.
func signed(share float64) string {
	if share >= 0 {
		return "+" + percent(share)
	}
	return "−" + percent(-share)
}

func seconds(s float64) string {
	if math.Abs(s) < 1 && s != 0 {
		return number(s*1000) + " ms"
	}
	return number(s) + " s"
}

// quantity writes a value with the unit of a [record.Answer].
func quantity(v float64, unit string) string {
	switch unit {
	case "ratio":
		return percent(v)
	case "s":
		return seconds(v)
	case "":
		return number(v)
	}
	return number(v) + " " + visible(unit, 20)
}

// effect says a breach's value in words. Its meaning is the trigger type's: a ratio
// of quantiles or of KPIs, candidate to stable; a share of requests; for an absolute
// limit the share, or the quantile in seconds.
func effect(b record.Breach, t runbook.Trigger) string {
	if b.Unjudged() {
		return "its significance is not known yet"
	}
	if b.State != record.Breaching {
		return map[record.State]string{
			record.NotBreaching: "not breaching when asked",
			record.NoData:       "no data",
			record.Unreachable:  "Prometheus could not be asked",
		}[b.State]
	}
	if effect, _, ok := t.Reading(b.Value); ok {
		return effect
	}
	switch t.Type {
	case runbook.LatencyQuantile:
		return fmt.Sprintf("P%s latency %s against the stable version", number(t.Quantile*100), signed(b.Value-1))
	case runbook.KPIDrop:
		return fmt.Sprintf("%s %s against the stable version", visible(t.KPI, 60), signed(b.Value-1))
	case runbook.ErrorRate:
		return "error rate " + percent(b.Value)
	case runbook.AbsoluteSLO:
		if t.Ceiling > 0 {
			return fmt.Sprintf("P%s latency %s for all versions", number(t.Quantile*100), seconds(b.Value))
		}
		return "error rate " + percent(b.Value) + " over all versions"
	}
	return number(b.Value)
}

// threshold says what the runbook allows.
func threshold(t runbook.Trigger) string {
	over := " over " + span(t.For.Std())
	if _, limit, ok := t.Reading(0); ok {
		return limit + over
	}
	switch t.Type {
	case runbook.LatencyQuantile:
		return fmt.Sprintf("more than %s%s", signed(float64(t.Increase)), over)
	case runbook.KPIDrop:
		return fmt.Sprintf("a drop of more than %s%s", percent(float64(t.Drop)), over)
	case runbook.ErrorRate:
		return "more than " + percent(float64(t.Above)) + over
	case runbook.AbsoluteSLO:
		if t.Ceiling > 0 {
			return "more than " + seconds(t.Ceiling.Std().Seconds()) + over
		}
		return "more than " + percent(float64(t.Above)) + over
	}
	return ""
}

// odds says a log e-value as odds against chance: exp(logE) to 1. By Ville's
// inequality an e-value ever reaches e with a chance of at most 1/e when nothing is
// wrong, however often it is looked at.
func odds(logE float64) string {
	switch {
	case logE <= 0 || math.IsNaN(logE):
		return ""
	case logE > math.Log(1e12):
		return "more than 1,000,000,000,000 : 1 against chance"
	}
	return number(math.Exp(logE)) + " : 1 against chance"
}

// span writes a duration for people: 850 ms, 4.2 s, 2 m 05 s, 1 h 03 m.
func span(d time.Duration) string {
	if d < 0 {
		return "−" + span(-max(d, -math.MaxInt64)) // the least has no opposite
	}
	switch {
	case d == 0:
		return "0 s"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		d = d.Truncate(time.Second)
		if d%time.Minute == 0 {
			return fmt.Sprintf("%d m", d/time.Minute)
		}
		return fmt.Sprintf("%d m %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Truncate(time.Minute)
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d h %02d m", d/time.Hour, d%time.Hour/time.Minute)
}

// offset is the time since the breach, with its sign.
func offset(d time.Duration) string {
	if d < 0 {
		return span(d)
	}
	return "+" + span(d)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// breachBegan is the best known start of the breach: Prometheus' own answer, else
// the earliest alert, else when the incident was opened.
func breachBegan(inc record.Incident) time.Time {
	if !inc.Breach.StartedAt.IsZero() {
		return inc.Breach.StartedAt
	}
	began := inc.OpenedAt
	for _, a := range inc.Alerts {
		if !a.StartsAt.IsZero() && a.StartsAt.Before(began) {
			began = a.StartsAt
		}
	}
	return began
}

// trigger finds the incident's trigger, or one that has only its name.
func trigger(inc record.Incident, rb *runbook.Runbook) runbook.Trigger {
	if rb != nil {
		if t, ok := rb.Trigger(inc.Breach.Trigger); ok {
			return t
		}
	}
	return runbook.Trigger{Name: inc.Breach.Trigger, Severity: inc.Breach.Severity}
}
