package quality

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/shadow/stat"
)

// A Score is one judge over some traces.
type Score struct {
	Traces int `json:"traces"`
	// Rolled back without a reason: a good release at any time, a bad one before its onset.
	False int `json:"false_rollbacks"`
	// FalseAtMost is the exact one-sided 95 % bound of the share of False.
	FalseAtMost float64 `json:"false_at_most"`
	// FalseAtLeast is that on the other side.
	FalseAtLeast float64        `json:"false_at_least"`
	Missed       int            `json:"missed"`         // bad, and not rolled back after the onset
	Found        int            `json:"found"`          // bad, and rolled back after the onset
	Median       *float64       `json:"median_seconds"` // detection delay over bad traces without False; nil: half or more are missed
	P90          *float64       `json:"p90_seconds"`
	Triggers     map[string]int `json:"triggers"` // who fired first
}

// ScoreOf counts the judge's decisions over the outcomes in which it took part.
func ScoreOf(judge string, outcomes []Outcome) Score {
	s := Score{Triggers: map[string]int{}}
	var delays []float64
	for _, o := range outcomes {
		d, took := o.By[judge]
		if !took {
			continue
		}
		s.Traces++
		if d.Trigger != "" {
			s.Triggers[d.Trigger]++
		}
		switch {
		case d.Trigger != "" && (!o.Truth.Bad || d.At < o.Truth.Onset):
			s.False++
		case !o.Truth.Bad:
		case d.Trigger == "":
			s.Missed++
			delays = append(delays, math.Inf(1))
		default:
			s.Found++
			delays = append(delays, (d.At - o.Truth.Onset).Seconds())
		}
	}
	s.FalseAtLeast, s.FalseAtMost = stat.ShareBounds(int64(s.False), int64(s.Traces), 0.05)
	slices.Sort(delays)
	s.Median, s.P90 = quantileOf(delays, 0.5), quantileOf(delays, 0.9)
	return s
}

// quantileOf is the smallest value that a share of the sorted ones does not exceed.
func quantileOf(sorted []float64, q float64) *float64 {
	if len(sorted) == 0 {
		return nil
	}
	v := sorted[min(len(sorted)-1, int(math.Ceil(q*float64(len(sorted))))-1)]
	if math.IsInf(v, 1) {
		return nil
	}
	return &v
}

// duration writes seconds for a table.
func duration(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	d := time.Duration(*seconds * float64(time.Second))
	if d < 2*time.Minute {
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
