package runbook

import (
	"fmt"
	"slices"
	"time"
)

// longestApproval keeps a link from being good for days.
const longestApproval = Duration(24 * time.Hour)

func (r *Runbook) checkPolicy(p *page) {
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

func (r *Runbook) checkApprovers(p *page) {
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

func (s Schedule) check(p *page, at string) {
	p.positive(at+".for", s.For)
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" || s.Timezone == "" {
		p.add(at+".timezone", fmt.Sprintf("%q is not a known time zone", s.Timezone), "write an IANA name such as Europe/Berlin, or UTC")
	}
	if _, problem, mend := parseCron(s.Cron); problem != "" {
		p.add(at+".cron", problem, mend)
	}
}
