package record

import (
	"encoding/json"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Known is what was last seen of a target in its store. A store that has less went back in time:
// it was restored from a backup or wiped, or it is another one.
type Known struct {
	Installation string                // the store's, see [Installation]; empty: none was seen
	Release      *Release              // nil: none was seen
	Index        uint64                // of the release, as it was last read; 0: it was not read since it was committed
	Quarantined  map[string]Quarantine // by bundle, of this target's releases; lifted ones as well
	Bundles      []runbook.Bundle      // manifests of the release's sides, as far as they are known
}

// Installation tells one store from another, key "installation". It is made once; only an order
// adds to it.
type Installation struct {
	Schema int       `json:"schema"`
	ID     string    `json:"id"` // random
	At     time.Time `json:"at"`
	// Before are the ids that it takes the place of, because a human said so.
	Before []string `json:"before,omitempty"`
}

// SeenKind is the kind of the journal's lines that hold a [Seen].
const SeenKind = "seen"

// Seen is something new that this process committed, or read in a store: what it knows after it
// has begun again. One of its fields beside Region is set.
type Seen struct {
	Region       string          `json:"region,omitempty"` // whose store it is; empty: there is one
	Installation string          `json:"installation,omitempty"`
	Release      *Release        `json:"release,omitempty"`
	Control      *Control        `json:"control,omitempty"`
	Index        uint64          `json:"index,omitempty"` // of the release or the control, in the store
	Order        string          `json:"order,omitempty"` // that the control was written or noticed by
	Quarantine   *Quarantine     `json:"quarantine,omitempty"`
	Bundle       *runbook.Bundle `json:"bundle,omitempty"`
}

// A Behind is a target of which more is known than its store has, key "behind/<service>/<region>".
// While it is there nothing is written for the target automatically. It ends with an order.
type Behind struct {
	Schema     int              `json:"schema"`
	Service    string           `json:"service"`
	Region     string           `json:"region"`
	Since      time.Time        `json:"since"`
	Replica    string           `json:"replica,omitempty"` // that noticed it
	Why        string           `json:"why"`               // a sentence
	Release    *Release         `json:"release,omitempty"` // as it was last seen; nil: the store has the newest that is known
	Bundles    []runbook.Bundle `json:"bundles,omitempty"` // manifests of its sides, as far as they are known
	Quarantine []Quarantine     `json:"quarantine,omitempty"`
	Breaching  []string         `json:"breaching,omitempty"` // triggers that people were told of since
}

// After reports whether a release's record is one that can only follow the other, which may be
// nil. The epoch grows from release to release of a target, and nothing that is over opens again.
func (r Release) After(other *Release) bool {
	switch {
	case other == nil || r.Epoch > other.Epoch:
		return true
	case r.Epoch < other.Epoch:
		return r.ID == other.ID && r.Phase != Open && other.Phase == Open
	case r.ID != other.ID:
		return true // two histories: what is known counts
	case r.Phase != other.Phase:
		return other.Phase == Open
	}
	return r.Phase == Open && r.Incident != "" && r.Incident != other.Incident
}

// Clone returns a copy that shares nothing that is changed.
func (r Release) Clone() Release {
	var own Release
	text, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(text, &own)
	}
	if err != nil {
		return r
	}
	return own
}
