package record

import (
	"fmt"
	"time"
)

// A PendingRollback is a human's order to roll back a region whose store did not answer, key
// "pending/<id>" in the store of a region that did. Any replica carries it out once the region
// answers.
type PendingRollback struct {
	Schema  int    `json:"schema"`
	ID      string `json:"id"`
	Service string `json:"service"`
	Region  string `json:"region"`            // that is to be rolled back
	Release string `json:"release,omitempty"` // the newest there that was known of; empty: none was
	Caller
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Over says why there is nothing left to do about it, where rel is the region's newest
// release, nil if it has none; empty: it is to be rolled back. What began after the order is not
// what was ordered.
func (p PendingRollback) Over(rel *Release) string {
	switch {
	case rel == nil:
		return "it has no release"
	case p.Release != "" && rel.ID != p.Release, p.Release == "" && rel.StartedAt.After(p.At):
		return fmt.Sprintf("release %s began there since, which is not what was ordered", rel.ID)
	case rel.Phase == RolledBack:
		return "it is rolled back"
	case rel.Phase == Closed:
		return rel.Candidate.Version + " is proved there and its release is closed: there is no rollback of it"
	}
	return ""
}

// A Straggler is another region that had the candidate after it was rolled back here.
type Straggler struct {
	Region string    `json:"region"`
	Since  time.Time `json:"since"` // when that was seen
	Why    string    `json:"why"`
	DoneAt time.Time `json:"done_at,omitzero"` // when it was seen to have it no more
}
