package runbook

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
