package runbook

import "time"

// A Proof is what was asked after the step that gave the candidate all traffic, or after
// a flip: the same questions as after a rollback. It is over when DoneAt is set.
type Proof struct {
	Epoch    int       `json:"epoch"` // of the step
	Since    time.Time `json:"since"`
	Deadline time.Time `json:"deadline"`
	Polled   time.Time `json:"polled,omitzero"`  // the last poll
	Polls    int       `json:"polls"`            // good ones in a row
	Bads     int       `json:"bads"`             // in a row in which a pair, a stored prediction or a flag was bad
	Health   Health    `json:"health,omitempty"` // of the last poll; once it is over, what came of it
	Reason   string    `json:"reason,omitempty"`
	Answers  []Answer  `json:"answers,omitempty"` // of the last poll, without what Prometheus said word for word
	DoneAt   time.Time `json:"done_at,omitzero"`
}

// Proving reports whether the release's present step is still being proved.
func (r Release) Proving() bool {
	return r.Phase == Open && r.Proof != nil && r.Proof.Epoch == r.Epoch && r.Proof.DoneAt.IsZero()
}
