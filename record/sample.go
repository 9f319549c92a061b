package record

import (
	"encoding/json"
	"time"
)

// The files of an evidence folder's stage that has what one source gave.
const (
	SamplesName = "samples.json" // a [Samples]
	LogName     = "log.json"     // a [Log]
)

// Collected says of a source what it was asked, and how much it gave.
type Collected struct {
	Source string    `json:"source"` // its name in the runbook
	Kind   string    `json:"kind"`   // dir, mirror, url, loki or command
	At     time.Time `json:"at"`     // when it was asked
	From   time.Time `json:"from"`   // the time that it was asked about
	To     time.Time `json:"to"`
	Read   int       `json:"read"`               // requests, or lines, of that time that were read
	Bad    int       `json:"bad,omitempty"`      // records that could not be read
	First  []string  `json:"first,omitempty"`    // the first of those
	Part   []string  `json:"part,omitempty"`     // why this is not all that there is
	Harm   int       `json:"harmful"`            // of the requests, or lines, how many were harmful, or of errors
	SlowMS float64   `json:"slow_ms,omitempty"`  // the latency from which on a request is slow
	Fields []string  `json:"fields"`             // those that may be kept
	Left   int       `json:"left_out,omitempty"` // texts and bodies that were too long, or no text
}

// Samples are recorded requests with their answers, the harmful ones first: each is a record of a
// recording, as far as its fields may be kept, and "why" it is here. See [SampledRequest].
type Samples struct {
	Collected
	Requests []json.RawMessage `json:"requests"`
}

// A SampledRequest is what a page shows of one of [Samples].
type SampledRequest struct {
	Why     []string  `json:"why"` // failed, flagged, slow; good: one of stable's beside them; of the candidate: nothing stands out
	ID      string    `json:"id"`
	TS      time.Time `json:"ts"`
	Version string    `json:"version"`
	Flag    string    `json:"flag"`
	Request struct {
		Method string `json:"method"`
		Path   string `json:"path"`
	} `json:"request"`
	Response *struct {
		Status    int     `json:"status"`
		LatencyMS float64 `json:"latency_ms"`
		Error     string  `json:"error"`
	} `json:"response"`
}

// A Log is lines of logs, in the order of their time.
type Log struct {
	Collected
	Lines []LogLine `json:"lines"`
}

// A LogLine is one line.
type LogLine struct {
	TS     time.Time         `json:"ts,omitzero"` // zero: the line does not say
	Labels map[string]string `json:"labels,omitempty"`
	Error  bool              `json:"error,omitempty"` // it is of an error
	Text   string            `json:"text"`
}
