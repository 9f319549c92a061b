package view

import "time"

// A CheckState is how one thing stands that the daemon rests on.
type CheckState string

// States of a check, the worst first.
const (
	CheckOff      CheckState = "off"      // something does not work at all
	CheckDegraded CheckState = "degraded" // something works by half, late, or until something else happens
	CheckUnknown  CheckState = "unknown"  // it could not be found out
	CheckOK       CheckState = "ok"
)

// Finding reports whether there is something to do.
func (s CheckState) Finding() bool { return s == CheckOff || s == CheckDegraded }

// A Check is one line of what the doctor found.
type Check struct {
	Part  string     `json:"part"`
	Name  string     `json:"check"`
	State CheckState `json:"state"`
	What  string     `json:"what"`
	Fix   string     `json:"fix,omitempty"`
}

// An Examination is everything that a daemon has checked, the worst part first and the worst
// check first within a part; of several regions one region after the other.
type Examination struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
	Checks []Check   `json:"checks"`
}

// Findings counts the checks that want something done.
func (e Examination) Findings() int {
	return findings(e.Checks, func(c Check) CheckState { return c.State })
}

// A Leg is one part of an alert's way, and how long it took.
type Leg struct {
	From    string     `json:"from"`
	To      string     `json:"to"`
	State   CheckState `json:"state"`
	Seconds float64    `json:"seconds"`
	What    string     `json:"what,omitempty"` // that it got lost here or was late, and why
	Fix     string     `json:"fix,omitempty"`
}

// A Firing is a synthetic alert's way, leg by leg, through every Alertmanager.
type Firing struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
	Legs   []Leg     `json:"legs"`
}

// Findings counts the legs on which it got lost or came late.
func (f Firing) Findings() int {
	return findings(f.Legs, func(l Leg) CheckState { return l.State })
}

func findings[T any](all []T, state func(T) CheckState) (n int) {
	for _, one := range all {
		if state(one).Finding() {
			n++
		}
	}
	return n
}
