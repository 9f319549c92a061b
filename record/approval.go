package record

import "time"

// ApprovalStatus is what became of a question to a human.
type ApprovalStatus string

const (
	Pending    ApprovalStatus = "pending"
	Approved   ApprovalStatus = "approved"
	Rejected   ApprovalStatus = "rejected"
	Expired    ApprovalStatus = "expired"
	Superseded ApprovalStatus = "superseded" // the plan moved, or a severe breach was faster
)

// The kinds of approval.
const (
	RollbackApproval = "rollback"
	AcceptSplit      = "release_hold" // let a held release go on with the split that was found
	Promotion        = "promote"      // take the next step of the ramp
)

// An Approval is one question to a human, key "approval/<id>", bound to one change
// of one epoch and used at most once. Its id is 128 random bits in hex.
type Approval struct {
	Schema    int               `json:"schema"`
	ID        string            `json:"id"`
	Kind      string            `json:"kind"`
	Service   string            `json:"service"`
	Region    string            `json:"region"`
	Incident  string            `json:"incident"`
	Release   string            `json:"release"`
	Epoch     int               `json:"epoch"`
	Change    string            `json:"change"`  // digest of the change as planned
	Indexes   map[string]uint64 `json:"indexes"` // of the router's keys when it was planned
	Status    ApprovalStatus    `json:"status"`
	CreatedAt time.Time         `json:"created_at"`
	ExpiresAt time.Time         `json:"expires_at"`
	By        string            `json:"by,omitempty"`
	How       string            `json:"how,omitempty"` // as a [Caller]'s
	From      string            `json:"from,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	DecidedAt time.Time         `json:"decided_at,omitzero"`
}

// A Reply is a human's answer to an approval.
type Reply struct {
	Yes    bool
	Anyway bool   // a yes though the trigger may not be breaching any more
	Reason string // needed for a no
}
