package runbook

import (
	"fmt"
	"strings"
	"time"
)

// preset sets a field that was not written in the file.
func preset[T any](p *page, path string, field *T, value T) {
	if !p.has(path) {
		*field = value
	}
}

// fill sets the defaults that the fields' comments name.
func (r *Runbook) fill(p *page) {
	preset(p, "regions", &r.Regions, []string{DefaultRegion})
	r.Metrics.fill(p)
	for i := range r.Triggers {
		r.Triggers[i].fill(p, fmt.Sprintf("triggers[%d]", i))
	}
	if r.Routing.Router == Traefik {
		preset(p, "routing.root", &r.Routing.Root, "traefik")
	}
	preset(p, "rollback.action", &r.Rollback.Action, shiftTraffic)
	preset(p, "rollback.quarantine", &r.Rollback.Quarantine, true)
	preset(p, "last_known_good.min_pods", &r.LastKnownGood.MinPods, 1)
	preset(p, "last_known_good.max_age", &r.LastKnownGood.MaxAge, 4*r.Metrics.Interval)
	r.Policy.fill(p)
	r.Rollout.fill(p)
	r.Shadow.fill(p)
	r.Verification.fill(p)
	preset(p, "communication.channel", &r.Communication.Channel, r.Owner.Contact)
	preset(p, "evidence.keep", &r.Evidence.Keep, Duration(90*24*time.Hour))
	preset(p, "follow_up.due", &r.FollowUp.Due, Duration(48*time.Hour))
}

func (m *Metrics) fill(p *page) {
	m.Selector, m.Requests.Errors = bare(m.Selector), bare(m.Requests.Errors)
	preset(p, "metrics.interval", &m.Interval, Duration(15*time.Second))
	preset(p, "metrics.warmup", &m.Warmup, Duration(2*time.Minute))
	if m.Track == nil {
		preset(p, "metrics.version_label", &m.VersionLabel, "version")
	}
	preset(p, "metrics.pod_label", &m.PodLabel, "instance")
	if f := m.Features; f != nil {
		preset(p, "metrics.features.label", &f.Label, "feature")
	}
	if s := m.Schema; s != nil {
		preset(p, "metrics.schema.checked", &s.Checked, m.Requests.Counter)
	}
	if d := m.Drift; d != nil {
		d.Selector = bare(d.Selector)
		preset(p, "metrics.drift.selector", &d.Selector, m.Selector)
		preset(p, "metrics.drift.score", &d.Score, "ml_drift_score")
		preset(p, "metrics.drift.threshold", &d.Threshold, "ml_drift_threshold")
		preset(p, "metrics.drift.last_run", &d.LastRun, "ml_drift_last_run_timestamp_seconds")
	}
}

// bare trims what PromQL allows at the end of matchers, so that more can be appended.
func bare(matchers string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(matchers), ","))
}

func (o *Policy) fill(p *page) {
	preset(p, "policy.mode", &o.Mode, Observe)
	preset(p, "policy.approval_ttl", &o.ApprovalTTL, Duration(30*time.Minute))
	preset(p, "policy.on_expiry", &o.OnExpiry, "page")
	preset(p, "policy.cooldown", &o.Cooldown, Duration(time.Hour))
	preset(p, "policy.max_rollbacks", &o.MaxRollbacks, 2)
	preset(p, "policy.min_candidate_pods", &o.MinCandidatePods, 2)
	for i := range o.Schedule {
		preset(p, fmt.Sprintf("policy.schedule[%d].timezone", i), &o.Schedule[i].Timezone, "UTC")
	}
}

func (v *Verification) fill(p *page) {
	v.Golden.fill(p)
	preset(p, "verification.within", &v.Within, Duration(VerifyWithin))
	preset(p, "verification.every", &v.Every, Duration(5*time.Second))
	preset(p, "verification.polls", &v.Polls, 3)
	preset(p, "verification.window", &v.Window, Duration(time.Minute))
	preset(p, "verification.min_requests", &v.MinRequests, 100)
	preset(p, "verification.system.error_rate.tolerance", &v.System.ErrorRate.Tolerance, 0.005)
	if v.System.Latency != nil {
		preset(p, "verification.system.latency.tolerance", &v.System.Latency.Tolerance, 0.15)
	}
	for i := range v.Business {
		preset(p, fmt.Sprintf("verification.business[%d].tolerance", i), &v.Business[i].Tolerance, 0.05)
	}
}
