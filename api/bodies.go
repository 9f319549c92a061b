package api

// Reason is the body of an order that a person must give a reason for: a rollback, a hold, a resume, letting
// a held release continue, ending a mirror, lifting a quarantine.
type Reason struct {
	Reason string `json:"reason"` // one line, at most 2000 bytes; it is kept with the order
}

// Step is the body of an order that needs no reason, because it is the plan: an empty object.
type Step struct{}

// Recover is the body of a recovery: a yes to what was shown.
type Recover struct {
	Reason string `json:"reason"` // it is kept with the order
	Plan   string `json:"plan"`   // digest of the recovery that was read
}

// Decision is the body of an answer to an approval.
type Decision struct {
	Decision string `json:"decision"`         // approve or reject
	Service  string `json:"service"`          // typed by the person: must be the approval's
	Reason   string `json:"reason,omitempty"` // needed to reject
	// Anyway is needed to approve a rollback whose trigger does not breach any more.
	Anyway bool `json:"anyway,omitempty"`
	// Token is the link's, needed where nobody can sign in.
	Token string `json:"token,omitempty"`
}

// StartOptions are what a person says beside the release file.
type StartOptions struct {
	NotProved string // why the stable side need not be the last known good; empty: it must be
	Safer     bool   // on the ramp that is drafted from the last incident
	Region    string // this region alone; empty: as the release file says
}

// A FlagExport is the flags of a service as another flag system reads them.
type FlagExport struct {
	Document any      `json:"document"`           // in that system's own form
	LeftOut  []string `json:"left_out,omitempty"` // what that system has no place for, in words
}
