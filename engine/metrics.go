package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// metrics are the engine's own series. Every label value exists from the start.
type metrics struct {
	alerts    *prometheus.CounterVec
	decisions *prometheus.CounterVec
	rollbacks *prometheus.CounterVec
	verdicts  *prometheus.CounterVec
	promoted  *prometheus.CounterVec
	shadowed  *prometheus.CounterVec
	problems  *prometheus.CounterVec
	conflicts prometheus.Counter
	act       prometheus.Histogram
	lostHeads prometheus.Gauge
	watchdog  *prometheus.GaugeVec
	up        *prometheus.GaugeVec
	drift     *prometheus.GaugeVec
	unarmed   *prometheus.GaugeVec
	compared  *prometheus.GaugeVec
}

// labelled: the series of an engine of one region say which; roles do anyway.
func (o Options) labelled(reg prometheus.Registerer) prometheus.Registerer {
	if o.Region == "" {
		return reg
	}
	return prometheus.WrapRegistererWith(prometheus.Labels{"region": o.Region}, reg)
}

func newMetrics(reg prometheus.Registerer) *metrics {
	auto := promauto.With(reg)
	vec := func(name, help string, label string, values ...string) *prometheus.CounterVec {
		v := auto.NewCounterVec(prometheus.CounterOpts{Name: "autorollback_" + name, Help: help}, []string{label})
		for _, x := range values {
			v.WithLabelValues(x)
		}
		return v
	}
	m := &metrics{
		alerts:    auto.NewCounterVec(prometheus.CounterOpts{Name: "autorollback_alerts_total", Help: "Alerts by the source that brought them, the runbook's service and trigger, and what became of them."}, []string{"source", "service", "trigger", "outcome"}),
		decisions: vec("decisions_total", "Decisions of the policy by action.", "action", "rollback", "ask", "freeze", "hold"),
		rollbacks: vec("rollbacks_total", "Committed rollbacks by who decided.", "by", "policy", "human"),
		verdicts:  vec("verdicts_total", "Verdicts by outcome.", "outcome", "recovered", "not_recovered", "wrong_cause", "cannot_tell"),
		promoted:  vec("promotions_total", "Committed steps of a ramp by who took them.", "by", "daemon", "human"),
		shadowed:  vec("shadow_verdicts_total", "Recorded shadow verdicts.", "verdict", "pass", "block", "inconclusive"),
		problems:  vec("problems_total", "What went wrong, by part; see the log.", "part", "journal", "evidence", "reconcile", "message", "mirror", "router", "write"),
		conflicts: auto.NewCounter(prometheus.CounterOpts{Name: "autorollback_conflicts_total", Help: "Transactions that lost a race and were decided again."}),
		act: auto.NewHistogram(prometheus.HistogramOpts{Name: "autorollback_act_seconds", Help: "From the first alert received of a breach to its committed rollback.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}),
		watchdog: auto.NewGaugeVec(prometheus.GaugeOpts{Name: "autorollback_watchdog_timestamp_seconds", Help: "When the watchdog alert was last received, by source; 0: never."}, []string{"source"}),
		up:       auto.NewGaugeVec(prometheus.GaugeOpts{Name: "autorollback_up", Help: "1 if the last question to it was answered."}, []string{"peer"}),
	}
	m.lostHeads = auto.NewGauge(prometheus.GaugeOpts{Name: "autorollback_journal_lost_heads", Help: "Heads of this replica's journal that are in the store but not in the journal: it was truncated or rewritten."})
	m.drift = auto.NewGaugeVec(prometheus.GaugeOpts{Name: "autorollback_rule_drift", Help: "1 if the rules that Prometheus has loaded are not those of the service's runbook, or a trigger is not armed."}, []string{"service"})
	m.unarmed = auto.NewGaugeVec(prometheus.GaugeOpts{Name: "autorollback_trigger_unarmed", Help: "1 for each trigger that cannot fire (off), or not as it should (degraded); absent: it is armed, or nobody knows better."}, []string{"service", "trigger", "state"})
	m.compared = auto.NewGaugeVec(prometheus.GaugeOpts{Name: "autorollback_rule_check_timestamp_seconds", Help: "When the service's rules were last compared with those of Prometheus; 0: never."}, []string{"service"})
	for _, source := range []record.Source{record.Webhook, record.Watcher} {
		m.watchdog.WithLabelValues(string(source))
	}
	for _, o := range record.AlertOutcomes() {
		m.alert(other, other, o)
	}
	m.alert("", watchdog, record.Alive)
	m.alert("", doctor, record.Probed)
	m.up.WithLabelValues("prometheus")
	m.up.WithLabelValues("store")
	return m
}

// service makes the series by which it is seen that the alerts of a service's triggers are
// counted, and those that must not be overlooked. The others come with their first alert: all of
// them would be a hundred for each service.
func (m *metrics) service(rb *runbook.Runbook) {
	m.alert(rb.Service, other, record.UnknownTrigger)
	m.alert(rb.Service, blind, record.Blind)
	for _, t := range rb.Triggers {
		m.alert(rb.Service, t.Name, record.Confirmed)
	}
}

func (m *metrics) alert(service, trigger string, o record.AlertOutcome) {
	for _, source := range []record.Source{record.Webhook, record.Watcher} {
		m.alerts.WithLabelValues(string(source), service, trigger, string(o))
	}
}

func (m *metrics) received(source record.Source) {
	m.watchdog.WithLabelValues(string(source)).Set(float64(time.Now().Unix()))
}

func (m *metrics) asked(err error)  { m.peer("prometheus", err) }
func (m *metrics) stored(err error) { m.peer("store", err) }

func (m *metrics) peer(name string, err error) {
	up := 1.0
	if err != nil {
		up = 0
	}
	m.up.WithLabelValues(name).Set(up)
}

// committed counts what one transaction brought.
func (m *metrics) committed(before, after lifecycle.State) {
	i := after.Incident
	if after.Write.Advance {
		by := "daemon"
		if after.Release.Moves[len(after.Release.Moves)-1].By != "" {
			by = "human"
		}
		m.promoted.WithLabelValues(by).Inc()
	}
	if i == nil {
		return
	}
	if i.Decision.At.After(decidedAt(before)) {
		m.decisions.WithLabelValues(string(i.Decision.Action)).Inc()
	}
	if after.Write.Shift && i.Change != nil && !after.Open() {
		by := "policy"
		if i.By != "" {
			by = "human"
		}
		m.rollbacks.WithLabelValues(by).Inc()
		m.act.Observe(i.ActedAt.Sub(receivedAt(*i)).Seconds())
	}
	if i.Verdict != nil && (before.Incident == nil || before.Incident.Verdict == nil) {
		m.verdicts.WithLabelValues(string(i.Verdict.Outcome)).Inc()
	}
}

// receivedAt is when the first word of the breach reached us.
func receivedAt(i record.Incident) time.Time {
	if len(i.Alerts) > 0 && !i.Alerts[0].ReceivedAt.IsZero() {
		return i.Alerts[0].ReceivedAt
	}
	return i.OpenedAt
}

func decidedAt(s lifecycle.State) time.Time {
	if s.Incident == nil {
		return time.Time{}
	}
	return s.Incident.Decision.At
}

// roles exports which version plays which part, for the rules to join on. A role
// appears after the warm-up and disappears with the transaction that ends the release
// or takes the candidate's traffic away.
type roles struct{ e *Engine }

var (
	roleDesc = prometheus.NewDesc("autorollback_release_role", "1 for each side of a release under observation.",
		[]string{"service", "region", "version", "release", "role"}, nil)
	weightDesc = prometheus.NewDesc("autorollback_weight", "The share of traffic that the release wants for a version, in percent.",
		[]string{"service", "region", "version", "release"}, nil)
	behindDesc = prometheus.NewDesc("autorollback_store_behind", "1 while the store has less of a service than is known: it went back in time, and nothing is done automatically.",
		[]string{"service", "region"}, nil)
	standbyDesc = prometheus.NewDesc("autorollback_standby", "1 for the state of the last known good of an open release: only while it is warm a rollback is possible.",
		[]string{"service", "region", "version", "state"}, nil)
)

// Describe implements prometheus.Collector.
func (roles) Describe(ch chan<- *prometheus.Desc) {
	ch <- roleDesc
	ch <- weightDesc
	ch <- standbyDesc
	ch <- behindDesc
}

// Collect implements prometheus.Collector.
func (r roles) Collect(ch chan<- prometheus.Metric) {
	r.e.mu.RLock()
	defer r.e.mu.RUnlock()
	for target, behind := range r.e.behind {
		ch <- prometheus.MustNewConstMetric(behindDesc, prometheus.GaugeValue, behind, target.Service, target.Region)
	}
	for _, rel := range r.e.last {
		svc, ok := r.e.services[rel.Service]
		if !ok || rel.Phase != record.Open {
			continue
		}
		if s := rel.Standby; s != nil {
			ch <- prometheus.MustNewConstMetric(standbyDesc, prometheus.GaugeValue, 1, rel.Service, rel.Region, rel.Stable.Version, string(s.State))
		}
		for _, s := range []struct {
			side   record.Side
			weight runbook.Weight
			role   string
		}{{rel.Stable, rel.Weight.Rest(), "stable"}, {rel.Candidate, rel.Weight, "candidate"}} {
			ch <- prometheus.MustNewConstMetric(weightDesc, prometheus.GaugeValue, float64(s.weight), rel.Service, rel.Region, s.side.Version, rel.ID)
			if time.Since(rel.Began()) >= svc.rb.Metrics.Warmup.Std() && rel.Weight > 0 {
				ch <- prometheus.MustNewConstMetric(roleDesc, prometheus.GaugeValue, 1, rel.Service, rel.Region, s.side.Version, rel.ID, s.role)
			}
		}
	}
}
