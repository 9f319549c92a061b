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
		since = ", its alert firing since " + clock(b.StartedAt)
	}
	effect, limit := t.Reading(b.Value)
	s := fmt.Sprintf("Trigger %q (%s) is true%s: %s (limit %s), asked at %s.", t.Name, t.Severity, since, effect, limit, clock(b.AskedAt))
	return []string{s, fmt.Sprintf("%s has %v %% of the traffic, %s and %s requests per second; %s has %s and %s.",
		side(in.Release.Candidate), in.Release.Weight, pods(b.CandidatePods), runbook.Figure(b.CandidateRate), side(in.Release.Stable), pods(b.StablePods), runbook.Figure(b.StableRate))}
}

func pods(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return strconv.Itoa(n) + " pods"
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
		parts = append(parts, fmt.Sprintf("%s %v", k, s[k]))
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
