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
	Mode             Mode       `yaml:"mode" json:"mode"`                             // observe: say what would be done, and do nothing; active: do it; default observe
	Approvers        []string   `yaml:"approvers" json:"approvers"`                   // people who may approve, as they sign in; needed with a mild trigger, a schedule, or promote: ask
	ApprovalTTL      Duration   `yaml:"approval_ttl" json:"approval_ttl"`             // how long a question waits, at most 24h; default 30m
	OnExpiry         string     `yaml:"on_expiry" json:"on_expiry"`                   // when nobody answered: page a human, or roll back if it is still true; default "page"
	Cooldown         Duration   `yaml:"cooldown" json:"cooldown"`                     // between two automatic rollbacks of the service; sooner, a human is asked; default 60m
	MaxRollbacks     int        `yaml:"max_rollbacks" json:"max_rollbacks"`           // automatic ones of the service in 24 h; beyond it a human is asked; default 2
	MinCandidatePods int        `yaml:"min_candidate_pods" json:"min_candidate_pods"` // with fewer pods every breach asks, default 2
	Schedule         []Schedule `yaml:"schedule" json:"schedule"`                     // the hours in which automation may act; left out: always
}

// Schedule opens a span of time, again and again. Outside all spans of policy.schedule
// even a severe breach asks; outside those of rollout.schedule nothing is promoted.
type Schedule struct {
	Cron     string   `yaml:"cron" json:"cron"`         // when it opens: five fields, e.g. "0 9 * * 1-5"
	For      Duration `yaml:"for" json:"for"`           // how long it is open
	Timezone string   `yaml:"timezone" json:"timezone"` // IANA name, default UTC
}
