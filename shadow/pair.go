package shadow

import "time"

// A Pair is one request with both versions' answers. Again is stable's second answer,
// which shows the noise; nil if it was not asked for.
type Pair struct {
	ID        string            `json:"id"`
	TS        time.Time         `json:"ts,omitzero"` // of the recording; zero: not known
	Segment   map[string]string `json:"segment,omitempty"`
	Stable    Answer            `json:"stable"`
	Candidate Answer            `json:"candidate"`
	Again     *Answer           `json:"again,omitempty"`
}
