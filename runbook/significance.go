package runbook

import "time"

// A Significance is what the statistics say of one trigger of an open release at the end of
// an interval: whether the difference between the sides is more than chance, and not one
// pod's doing.
type Significance struct {
	At      time.Time `json:"at,omitzero"`       // end of the interval; zero: nothing is known
	Value   float64   `json:"value"`             // at least 1: proved, the pod guard included
	LogE    float64   `json:"log_e"`             // ln of the odds against chance, in the window where they are greatest
	Method  string    `json:"method,omitempty"`  // how the numbers were computed
	Problem string    `json:"problem,omitempty"` // why nothing is known; empty: it is
}

// Proved reports whether the difference is significant.
func (s Significance) Proved() bool { return s.Problem == "" && s.Value >= 1 }

// Unjudged reports whether Prometheus answered that the effect is there, and only its
// significance is not known yet.
func (b Breach) Unjudged() bool {
	return b.State == Unreachable && b.Significance.Problem != "" && b.Problem == b.Significance.Problem
}

// Lag is how long after an interval's end it is counted: scrapes that carry its timestamps
// must have arrived.
func Lag(interval Duration) Duration { return min(interval/5, Duration(2*time.Second)) }
