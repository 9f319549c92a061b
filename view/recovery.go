package view

import (
	"time"

	"github.com/autorollback/autorollback/record"
)

// A Recovery is how a target whose store went back in time is brought in line.
type Recovery struct {
	Service string         `json:"service"`
	Region  string         `json:"region"`
	Since   time.Time      `json:"since,omitzero"` // when it was noticed; zero: it is not held back in the store
	Why     string         `json:"why"`
	Lines   []RecoverLine  `json:"lines"`
	Shift   bool           `json:"shift"`             // all traffic goes to the stable side
	Change  *record.Change `json:"change,omitempty"`  // with Shift: what is written
	Problem string         `json:"problem,omitempty"` // why it cannot be done now
	Plan    string         `json:"plan"`              // digest of all this: what a yes is about
}

// A RecoverLine is one thing that is not as it was.
type RecoverLine struct {
	What  string `json:"what"`  // installation, release, quarantine, incident or split
	Known string `json:"known"` // as it was last seen
	Store string `json:"store"` // as the store has it
	Then  string `json:"then"`  // what the recovery makes of it
}
