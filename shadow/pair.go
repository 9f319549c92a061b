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

// A Run says how the pairs came about: the last line of a file of pairs.
type Run struct {
	Ended bool `json:"ended"`
	// Bad counts records of the recording or the logs that could not be read.
	Bad      int64    `json:"bad,omitempty"`
	FirstBad []string `json:"first_bad,omitempty"`

	Read    int64 `json:"read,omitempty"`    // replay: records read
	Sampled int64 `json:"sampled,omitempty"` // replay: of those, in the sample
	Refused int64 `json:"refused,omitempty"` // replay: of those, not sent as their method or path is not allowed

	OnlyStable    int64 `json:"only_stable,omitempty"`    // join: requests that only stable's log has, in the hours of both
	OnlyCandidate int64 `json:"only_candidate,omitempty"` // join: that only the candidate's log has
	Twice         int64 `json:"twice,omitempty"`          // join: records with an id that was there before
	Unanswered    int64 `json:"unanswered,omitempty"`     // join: records without an answer

	Notes []string `json:"notes,omitempty"`
}

// SchemaPairs is the form of a file of pairs.
const SchemaPairs = "autorollback/shadow-pairs/1"

// A PairHeader says where pairs come from. Two runs with equal headers give equal
// pairs in equal order, answers aside.
type PairHeader struct {
	Schema    string   `json:"schema"`
	Kind      string   `json:"kind"` // replay or join
	From      []string `json:"from"` // the recordings, or stable's logs
	Bytes     int64    `json:"bytes,omitempty"`
	Against   []string `json:"against,omitempty"` // join: the candidate's logs
	Candidate string   `json:"candidate_url,omitempty"`
	Stable    string   `json:"stable_url,omitempty"`
	Permyriad int      `json:"permyriad,omitempty"` // the sample, of 10,000
	Allow     []string `json:"allow,omitempty"`
}
