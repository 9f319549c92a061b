package runbook

import "time"

// Mode is how much the daemon may do.
type Mode string

const (
	Observe Mode = "observe" // say what would be done, do nothing
	Active  Mode = "active"
	Paused  Mode = "paused" // somebody's stop switch; never for ever
)

// Policy says when automation may act for the service.
type Policy struct {
	Mode             Mode       `yaml:"mode" json:"mode"`                             // observe | active; default observe
	Approvers        []string   `yaml:"approvers" json:"approvers"`                   // people who may approve a mild breach's rollback
	ApprovalTTL      Duration   `yaml:"approval_ttl" json:"approval_ttl"`             // how long a question waits, default 30m, at most 24h
	OnExpiry         string     `yaml:"on_expiry" json:"on_expiry"`                   // "page" (default) or "rollback"
	Cooldown         Duration   `yaml:"cooldown" json:"cooldown"`                     // between automatic rollbacks of the service, default 60m
	MaxRollbacks     int        `yaml:"max_rollbacks" json:"max_rollbacks"`           // automatic ones of the service per 24 h, default 2
	MinCandidatePods int        `yaml:"min_candidate_pods" json:"min_candidate_pods"` // below it every breach asks, default 2
	Schedule         []Schedule `yaml:"schedule" json:"schedule"`                     // empty: always
}

// Schedule opens a span in which automation may act: it starts at each time of the
// five-field cron expression and lasts For. Outside all spans even a severe breach asks.
type Schedule struct {
	Cron     string   `yaml:"cron" json:"cron"`
	For      Duration `yaml:"for" json:"for"`
	Timezone string   `yaml:"timezone" json:"timezone"` // IANA name, default UTC
}

// Control is the stop switch of the whole installation, key "control". An absent
// key means active. A bare word (`consul kv put … paused`) is a valid value.
type Control struct {
	Mode   Mode      `json:"mode"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"` // a pause that has passed pages; it does not return silently to active
}

// Budget is the installation's memory of automatic rollbacks, key "budget". At most
// [BudgetPerHour] of them may happen in an hour.
type Budget struct {
	Schema int         `json:"schema"`
	Recent []time.Time `json:"recent"`
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

// A Decision is what to do about a breach, and why, in words.
type Decision struct {
	Action  Action    `json:"action"`
	Would   Action    `json:"would,omitempty"`   // in observe mode: what active would have done
	Guard   string    `json:"guard"`             // the guard that decided, e.g. "severe", "cooldown", "stable_sick"
	Reasons []string  `json:"reasons"`           // sentences for humans, the deciding one first
	Choices []string  `json:"choices,omitempty"` // what a paged human can do
	Page    bool      `json:"page,omitempty"`    // a human must look now
	At      time.Time `json:"at"`
}

// Action is a decision's verb.
type Action string

const (
	RollBack Action = "rollback" // move all traffic to stable now
	Ask      Action = "ask"      // a human approves or rejects
	Freeze   Action = "freeze"   // leave traffic alone, stop promotion, page
	Hold     Action = "hold"     // do nothing automatically; page with choices
)
