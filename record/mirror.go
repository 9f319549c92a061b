package record

import "time"

// A Mirror is a planned time of mirroring, key "mirror/<service>/<region>". It is on
// until EndedAt.
type Mirror struct {
	Schema    int         `json:"schema"`
	Service   string      `json:"service"`
	Region    string      `json:"region"`
	Backend   string      `json:"backend"` // the router's name of what gets the copies
	Percent   int         `json:"percent"` // of the requests, 1..100
	StartedAt time.Time   `json:"started_at"`
	StartedBy string      `json:"started_by"`
	Until     time.Time   `json:"until"` // the planned end
	EndedAt   time.Time   `json:"ended_at,omitzero"`
	EndedBy   string      `json:"ended_by,omitempty"` // the human; empty: the daemon
	Ended     string      `json:"ended,omitempty"`    // why, in words
	Held      *MirrorHold `json:"held,omitempty"`
	Waiting   string      `json:"waiting,omitempty"` // why the end that is due is not written
	Notified  int         `json:"told"`              // how many messages there were
	Op        string      `json:"op"`
}

// MirrorHold means that the router's percent is not the one we wrote: nothing is
// written until it is, or until a human stops the mirror.
type MirrorHold struct {
	Since time.Time `json:"since"`
	Found string    `json:"found"` // a percent, or why it cannot be read
	Due   bool      `json:"due"`   // the planned end came while it was held
}

// On reports whether the mirror is to run.
func (m *Mirror) On() bool { return m != nil && m.EndedAt.IsZero() }
