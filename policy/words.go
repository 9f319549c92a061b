package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// facts says what was measured, for whoever reads the reasons.
func facts(in Input) []string {
	b := in.Breach
	if b.State != record.Breaching {
		return nil
	}
	t, ok := in.Runbook.Trigger(b.Trigger)
	if !ok {
		return nil
	}
	since := ""
	if !b.StartedAt.IsZero() {
		since = " since " + clock(b.StartedAt)
	}
	s := fmt.Sprintf("Trigger %q (%s) is true%s: %s, asked at %s.", t.Name, t.Severity, since, effect(t, b.Value), clock(b.AskedAt))
	return []string{s, fmt.Sprintf("%s has %d of 100 shares, %s and %s requests per second; %s has %s and %s.",
		side(in.Release.Candidate), in.Release.Weight, pods(b.CandidatePods), number(b.CandidateRate), side(in.Release.Stable), pods(b.StablePods), number(b.StableRate))}
}

// effect words a breach's value in its trigger's unit: a quantile and a KPI are
// ratios to the stable side.
func effect(t runbook.Trigger, v float64) string {
	if effect, limit, ok := t.Reading(v); ok {
		return fmt.Sprintf("the %s, the limit is %s", strings.TrimPrefix(effect, "the "), limit)
	}
	switch {
	case t.Type == runbook.LatencyQuantile:
		return fmt.Sprintf("the %s quantile is %s above stable, the limit is %s", number(t.Quantile), percent(v-1), percent(float64(t.Increase)))
	case t.Type == runbook.KPIDrop:
		return fmt.Sprintf("KPI %q is %s below stable, the limit is %s", t.KPI, percent(1-v), percent(float64(t.Drop)))
	case t.Ceiling > 0:
		return fmt.Sprintf("the %s quantile is %s s, the limit is %s s", number(t.Quantile), number(v), number(t.Ceiling.Std().Seconds()))
	}
	return fmt.Sprintf("%s of requests are errors, the limit is %s", percent(v), percent(float64(t.Above)))
}

func pods(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return strconv.Itoa(n) + " pods"
}

func percent(r float64) string { return number(r*100) + " %" }

// number writes three significant digits, without an exponent where it can.
func number(f float64) string {
	s := strconv.FormatFloat(f, 'g', 3, 64)
	if strings.Contains(s, "e+") {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return s
}

// span writes a duration as people say it: "45 s", "12 m", "1 h 5 m", "3 d 2 h".
func span(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d <= 90*time.Minute:
		return two(d, time.Minute, "m", time.Second, "s")
	case d < 48*time.Hour:
		return two(d, time.Hour, "h", time.Minute, "m")
	}
	return two(d, 24*time.Hour, "d", time.Hour, "h")
}

func two(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	if rest := d % big / small; rest > 0 {
		return fmt.Sprintf("%d %s %d %s", d/big, bigName, rest, smallName)
	}
	return fmt.Sprintf("%d %s", d/big, bigName)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.Format("2006-01-02 15:04:05 MST")
}

func side(s record.Side) string {
	if s.Version == "" {
		return "an unnamed version"
	}
	return s.Version
}

func split(s record.Split) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, s[k]))
	}
	return strings.Join(parts, ", ")
}

func byWhom(c record.Control) string {
	var s string
	if c.By != "" {
		s += " by " + c.By
	}
	if c.Reason != "" {
		s += " (" + c.Reason + ")"
	}
	return s
}

func because(problem string) string {
	if problem == "" {
		return ""
	}
	return " (" + problem + ")"
}

func state(s record.State) string {
	if s == "" {
		return "not asked"
	}
	return string(s)
}
