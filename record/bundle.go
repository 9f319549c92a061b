package record

import "time"

// Quarantine bars a bundle from being started, and its flags from being on, key
// "quarantine/<digest>", until it is lifted by name.
type Quarantine struct {
	Schema      int            `json:"schema"`
	Bundle      string         `json:"bundle"`
	Service     string         `json:"service"`
	Region      string         `json:"region,omitempty"`
	Incident    string         `json:"incident"`
	Reason      string         `json:"reason"`
	At          time.Time      `json:"at,omitzero"`
	Version     string         `json:"version,omitempty"`      // whose document has Flags; empty in old records, which switch nothing off
	Flags       map[string]any `json:"flags,omitempty"`        // what the bundle's flags are meanwhile
	SwitchedOff []time.Time    `json:"switched_off,omitempty"` // when we undid that somebody switched them on, of the last hour
	NotifiedAt  time.Time      `json:"notified_at,omitzero"`   // when it was last told that somebody did
	Lifted      string         `json:"lifted,omitempty"`       // "by NAME: REASON" once lifted
}

// Bars reports whether the quarantine is in force.
func (q Quarantine) Bars() bool { return q.Lifted == "" }

// A ShadowVerdict is what the newest recorded report says about one candidate bundle,
// key "shadow/<candidate digest>".
type ShadowVerdict struct {
	Schema    int       `json:"schema"`
	Service   string    `json:"service"`
	Candidate string    `json:"candidate"` // the bundle's digest
	Stable    string    `json:"stable"`    // the bundle it was compared with
	Verdict   string    `json:"verdict"`   // pass | block | inconclusive; only a pass opens
	Rule      string    `json:"rule"`      // the rule that decided
	Reason    string    `json:"reason,omitempty"`
	From      time.Time `json:"from,omitzero"` // the window of the requests
	To        time.Time `json:"to,omitzero"`
	Pairs     int64     `json:"pairs"`
	Compared  int64     `json:"compared"`
	Tests     int       `json:"tests"`
	Bad       int64     `json:"bad"`
	Report    string    `json:"report"`              // sha256:… of the report's JSON
	Recording string    `json:"recording,omitempty"` // sha256:… of what was compared
	At        time.Time `json:"at"`                  // of the report
	By        string    `json:"by"`                  // who recorded it
	Recorded  time.Time `json:"recorded"`
}
