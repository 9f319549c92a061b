package runbook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
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
	const mend = "write five fields: minute hour day month weekday, e.g. \"0 9 * * 1-5\""
	if strings.Contains(s.Cron, "TZ=") {
		p.add(at+".cron", fmt.Sprintf("%q names a time zone", s.Cron), "write it in the field timezone")
		return
	}
	if len(strings.Fields(s.Cron)) != 5 {
		p.add(at+".cron", fmt.Sprintf("%q is not a cron expression", s.Cron), mend)
		return
	}
	calendar, err := cron.ParseStandard(s.Cron)
	if err != nil {
		p.add(at+".cron", fmt.Sprintf("%q is not a cron expression: %s", s.Cron, err), mend)
	} else if calendar.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		p.add(at+".cron", fmt.Sprintf("%q never comes", s.Cron), mend)
	}
}
