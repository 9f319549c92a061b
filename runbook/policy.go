package runbook

import (
	"fmt"
	"slices"
	"time"
)

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

// longestApproval keeps a link from being good for days.
const longestApproval = Duration(24 * time.Hour)

func (r *Runbook) checkPolicy(p *decoder) {
	o := r.Policy
	p.oneOf("policy.mode", string(o.Mode), string(Observe), string(Active))
	p.oneOf("policy.on_expiry", o.OnExpiry, "page", "rollback")
	p.positive("policy.approval_ttl", o.ApprovalTTL)
	if o.ApprovalTTL > longestApproval {
		p.add("policy.approval_ttl", fmt.Sprintf("%s is more than a day", o.ApprovalTTL), "write 24h or less")
	}
	p.atLeast("policy.max_rollbacks", o.MaxRollbacks, 1)
	p.atLeast("policy.min_candidate_pods", o.MinCandidatePods, 1)
	r.checkApprovers(p)
	for i, s := range o.Schedule {
		s.check(p, fmt.Sprintf("policy.schedule[%d]", i))
	}
}

func (r *Runbook) checkApprovers(p *decoder) {
	const at = "policy.approvers"
	mild := slices.IndexFunc(r.Triggers, func(t Trigger) bool { return t.Severity == Mild })
	switch {
	case len(r.Policy.Approvers) > 0:
		for i, who := range r.Policy.Approvers {
			p.need(fmt.Sprintf("%s[%d]", at, i), who, "name a person as they sign in")
		}
	case mild >= 0:
		p.missing(at, fmt.Sprintf("name the people who may approve: trigger %q is mild and asks a human", r.Triggers[mild].Name))
	case len(r.Policy.Schedule) > 0:
		p.missing(at, "name the people who may approve: outside the schedule every breach asks a human")
	}
}

func (s Schedule) check(p *decoder, at string) {
	p.positive(at+".for", s.For)
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" || s.Timezone == "" {
		p.add(at+".timezone", fmt.Sprintf("%q is not a known time zone", s.Timezone), "write an IANA name such as Europe/Berlin, or UTC")
	}
	if _, problem, fix := parseCron(s.Cron); problem != "" {
		p.add(at+".cron", problem, fix)
	}
}
