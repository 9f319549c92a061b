package shadow

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
