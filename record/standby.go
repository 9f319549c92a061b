package record

import (
	"fmt"
	"time"
)

// A StandbyState says whether all traffic could go to the last known good right now.
type StandbyState string

const (
	Warm             StandbyState = "warm"      // enough pods are ready, and every probe is good
	Cold             StandbyState = "cold"      // fewer pods are ready than all traffic needs
	StandbyUnhealthy StandbyState = "unhealthy" // the pods are ready, and a probe of them is bad
	StandbyUnknown   StandbyState = "unknown"   // it cannot be probed: neither good nor bad
)

// A Standby is the last known good of an open release as its probes found it: what a rollback
// would lead to. The first answer counts its ready pods.
type Standby struct {
	State   StandbyState `json:"state"`
	Since   time.Time    `json:"since"`
	Why     string       `json:"why,omitempty"`     // what is bad or not known, without a full stop; empty: warm
	Answers []Answer     `json:"answers,omitempty"` // of each probe, when it came to this state
	ToldAt  time.Time    `json:"told_at,omitzero"`  // when people were last told that no rollback is possible
	OverAt  time.Time    `json:"over_at,omitzero"`  // when they were last told that one is possible again
}

// Obstacle says why a rollback is not possible right now; empty: it is, or nobody knows.
func (s *Standby) Obstacle() string {
	if s == nil || s.State != Cold && s.State != StandbyUnhealthy {
		return ""
	}
	return s.Why
}

// NoRollback says in a sentence that a rollback of the release is not possible right now, and
// why; empty: one is, or nobody knows, or the release is over.
func (r Release) NoRollback() string {
	why := r.Standby.Obstacle()
	if why == "" || r.Phase != Open {
		return ""
	}
	since := r.Standby.Since.UTC().Format("2006-01-02 15:04:05 UTC")
	return fmt.Sprintf("A rollback is not possible right now: %s (since %s).", why, since)
}

// Words say how the standby stands, e.g. "warm", or "cold: v1 has 0 pods ready and needs 2".
func (s *Standby) Words() string {
	switch {
	case s == nil:
		return "not probed yet"
	case s.Why == "":
		return string(s.State)
	}
	return string(s.State) + ": " + s.Why
}

// Notified reports whether people believe that no rollback is possible.
func (s *Standby) Notified() bool { return s != nil && s.ToldAt.After(s.OverAt) }
