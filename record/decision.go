package record

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Budget is the installation's memory of automatic rollbacks, key "budget". At most
// [BudgetPerHour] of them may happen in an hour.
type Budget struct {
	Schema int         `json:"schema"`
	Recent []time.Time `json:"recent"`
}

// Spending is what another store than the decision's own says of automatic rollbacks.
type Spending struct {
	Regions []string    `json:"regions"` // whose store it is
	Recent  []time.Time `json:"recent"`
	Lost    string      `json:"lost,omitempty"` // why that is not known
}

// BudgetPerHour is the global limit of automatic rollbacks.
const BudgetPerHour = 3

// Spent is how many automatic rollbacks there were in the hour before now. A moment
// ahead of now (another replica's clock) counts.
func (b Budget) Spent(now time.Time) int {
	n := 0
	for _, t := range b.Recent {
		if now.Sub(t) < time.Hour {
			n++
		}
	}
	return n
}

// ApprovalExpired is the guard of a question that nobody answered in time.
const ApprovalExpired = "approval_expired"

// A Decision is what to do about a breach, and why, in words.
type Decision struct {
	Action  Action    `json:"action"`
	Would   Action    `json:"would,omitempty"`   // in observe mode: what active would have done
	Guard   string    `json:"guard"`             // the guard that decided, e.g. "severe", "cooldown", "stable_unhealthy"
	Reasons []string  `json:"reasons"`           // sentences for humans, the deciding one first
	Choices []string  `json:"choices,omitempty"` // what a paged human can do
	Page    bool      `json:"page,omitempty"`    // a human must look now
	At      time.Time `json:"at"`
}

// Inputs are what a decision rested on, read at one moment, as far as the policy looks at it:
// with them the decision can be made again. Texts in them may be truncated.
type Inputs struct {
	Question string           `json:"question,omitempty"` // what the policy was asked; empty: about a breach
	Runbook  *runbook.Runbook `json:"runbook"`            // triggers, policy and the last known good's pods
	Release  Release          `json:"release"`
	Breach   Breach           `json:"breach"`
	Incident *Incident        `json:"incident,omitempty"` // before the decision, without its history; nil: it opened one
	Control  Control          `json:"control"`
	Budget   Budget           `json:"budget"`

	Elsewhere []Spending `json:"elsewhere,omitempty"` // of the other regions

	ExternalChange    bool   `json:"external_change,omitempty"`
	StableQuarantined bool   `json:"stable_quarantined,omitempty"`
	ByHuman           bool   `json:"by_human,omitempty"`
	Router            string `json:"router,omitempty"`
	WentBack          string `json:"went_back,omitempty"`

	Why   string    `json:"why,omitempty"`  // of bad checks
	Until time.Time `json:"until,omitzero"` // of a question that nobody answered
}

// Action is a decision's verb.
type Action string

const (
	RollBack Action = "rollback" // move all traffic to stable now
	Ask      Action = "ask"      // a human approves or rejects
	Freeze   Action = "freeze"   // leave traffic alone, stop promotion, page
	Hold     Action = "hold"     // do nothing automatically; page with choices
)
