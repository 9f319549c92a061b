package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Schema is the version of every file and stored record this program writes. A
// record with a greater schema was written by a newer program: hands off it.
const Schema = 1

// DefaultRegion names the only region of a service whose runbook names none.
const DefaultRegion = "default"

// A Runbook says for one model service who owns it, what counts as a breach, where
// its traffic is routed, and how recovery is proved. Only [Load] and [Parse] make
// one, so a Runbook that exists has been checked and has its defaults filled in.
type Runbook struct {
	Schema        int           `yaml:"schema" json:"schema"`                       // version of the file's format: 1
	Service       string        `yaml:"service" json:"service"`                     // lower-case letters, digits and dashes, 63 at most; one runbook each
	Regions       []string      `yaml:"regions" json:"regions"`                     // where it runs; never empty, names as of a service
	Owner         Owner         `yaml:"owner" json:"owner"`                         // who answers for the service
	Metrics       Metrics       `yaml:"metrics" json:"metrics"`                     // how its series look in Prometheus
	Triggers      []Trigger     `yaml:"triggers" json:"triggers"`                   // what counts as a breach; at least one
	Routing       Routing       `yaml:"routing" json:"routing"`                     // where its weights and flags live
	Rollback      Rollback      `yaml:"rollback" json:"rollback"`                   // what is done about a severe breach
	LastKnownGood LastKnownGood `yaml:"last_known_good" json:"last_known_good"`     // when the stable side may take all traffic
	Policy        Policy        `yaml:"policy" json:"policy"`                       // when automation may act
	Rollout       *Rollout      `yaml:"rollout,omitempty" json:"rollout,omitempty"` // the ramp; left out: a release keeps the share it starts with
	Shadow        *Shadow       `yaml:"shadow,omitempty" json:"shadow,omitempty"`   // left out: a release may start without having been compared
	Verification  Verification  `yaml:"verification" json:"verification"`           // what "recovered" means
	Communication Communication `yaml:"communication" json:"communication"`         // where messages go
	Evidence      Evidence      `yaml:"evidence" json:"evidence"`                   // what is kept of an incident beyond the fixed set
	FollowUp      FollowUp      `yaml:"follow_up" json:"follow_up"`                 // the work after the incident

	// File is where the runbook was read from, and Digest the "sha256:…" of its
	// text. Generated rules carry the digest, so that drift shows.
	File   string `yaml:"-" json:"file"`
	Digest string `yaml:"-" json:"digest"`

	// Region is the only one that this is about, and RulesRegion the only one that its rules are
	// about; empty: they are about all of Regions. Beside are the others then. See [Runbook.Only].
	Region      string   `yaml:"-" json:"-"`
	RulesRegion string   `yaml:"-" json:"-"`
	Beside      []string `yaml:"-" json:"-"`

	line int // of the service's name, for messages
}

// An Owner says who answers for the service.
type Owner struct {
	Team       string `yaml:"team" json:"team"`             // the team's name, on every page and message
	Contact    string `yaml:"contact" json:"contact"`       // where a human is reached, e.g. "#ranking-oncall"
	Escalation string `yaml:"escalation" json:"escalation"` // who is next; may be empty
}

// Rollback is what is done about a severe breach.
type Rollback struct {
	Action     string `yaml:"action" json:"action"`         // the only action today: all traffic to the stable bundle in one transaction; default "shift_traffic"
	Quarantine bool   `yaml:"quarantine" json:"quarantine"` // must be true: the candidate bundle cannot start again until it is released by name
}

// LastKnownGood says when the stable bundle may take all traffic.
type LastKnownGood struct {
	// MinPods is how many stable pods must report at least, default 1.
	MinPods int `yaml:"min_pods" json:"min_pods"`
	// MaxAge is how old a pod's newest sample may be to count, default 4 intervals or scrapes.
	MaxAge Duration `yaml:"max_age" json:"max_age"`
	// Health is a metric that is 1 for a ready pod and carries the same version and
	// pod labels, or a condition on one; without it a fresh request counter counts as ready. With
	// `vantage: router` it is needed, and its series are the pods, whatever labels but `pod_label`
	// tell them apart.
	Health Health `yaml:"health" json:"health"`
	// Catalog is the stable version's service in Consul's catalog, e.g. ranker-{version}: while a
	// release is open, so many of its instances must pass their health checks as well. {version} and
	// {backend} are those of the stable side. Left out: the catalog is not asked.
	Catalog string `yaml:"catalog,omitempty" json:"catalog,omitempty"`
}

// CatalogOf is the stable side's service in the catalog.
func (k LastKnownGood) CatalogOf(version, backend string) string {
	return strings.NewReplacer("{version}", version, "{backend}", backend).Replace(k.Catalog)
}

var catalogName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func (k LastKnownGood) checkCatalog(p *decoder) {
	switch {
	case k.Catalog == "":
	case !catalogName.MatchString(k.CatalogOf("v1", "b1")):
		p.add("last_known_good.catalog", fmt.Sprintf("%q is not the name of a service in Consul's catalog", k.Catalog), "write e.g. ranker-{version}: letters, digits, dots and dashes")
	case k.CatalogOf("v1", "b1") == k.Catalog:
		p.add("last_known_good.catalog", fmt.Sprintf("%q is the same service for both sides", k.Catalog), "name the stable side's own, with {version} or {backend}, e.g. ranker-{version}")
	}
}

// Needs is how many ready pods the stable side needs to take all traffic, at least one.
func (k LastKnownGood) Needs() int { return max(1, k.MinPods) }

// Verification says what "recovered" means: K polls in a row in which every system
// and business check is good with enough samples, within the time.
type Verification struct {
	Within      Duration        `yaml:"within" json:"within"`                       // until this time after the change, at most 10m; default 10m
	Every       Duration        `yaml:"every" json:"every"`                         // between polls, default 5s
	Polls       int             `yaml:"polls" json:"polls"`                         // good ones in a row that prove it, default 3
	Window      Duration        `yaml:"window" json:"window"`                       // range that each question looks back on, at least 4 intervals (scrapes, where they are longer); default 1m, or 4 scrapes
	MinRequests int             `yaml:"min_requests" json:"min_requests"`           // in the window; with fewer the answer is "cannot tell"; default 100
	System      SystemChecks    `yaml:"system" json:"system"`                       // errors and latency
	Business    []BusinessCheck `yaml:"business" json:"business"`                   // KPIs; at least one, if the service declares any
	Golden      *Golden         `yaml:"golden,omitempty" json:"golden,omitempty"`   // left out: no stored predictions are asked
	Pairing     *Pairing        `yaml:"pairing,omitempty" json:"pairing,omitempty"` // left out: which model runs with which features is not asked
}

// SystemChecks limits what users get from any version.
type SystemChecks struct {
	ErrorRate ErrorRateCheck `yaml:"error_rate" json:"error_rate"` // the share of failed requests
	Latency   *LatencyCheck  `yaml:"latency" json:"latency"`       // needed with a trigger on latency
}

// ErrorRateCheck is good while the error rate is at most Below and at most the
// stable level before the breach plus Tolerance.
type ErrorRateCheck struct {
	Below     Ratio `yaml:"below" json:"below"`         // the error rate that users may get from any version
	Tolerance Ratio `yaml:"tolerance" json:"tolerance"` // in points of the error rate, default 0.5%
}

// LatencyCheck is good while the quantile, or the mean of a latency that has no quantiles, is
// at most Below and at most 1 + Tolerance times the stable level before the breach.
type LatencyCheck struct {
	Latency   string   `yaml:"latency,omitempty" json:"latency,omitempty"` // one of metrics.latencies; left out: the first
	Quantile  float64  `yaml:"quantile,omitempty" json:"quantile"`         // 0.95 for P95; left out of a mean
	Below     Duration `yaml:"below" json:"below"`                         // left out: no ceiling
	Tolerance Ratio    `yaml:"tolerance" json:"tolerance"`                 // how much slower than before, default 15%
}

// BusinessCheck is good while the KPI is at least 1 - Tolerance times the stable
// level before the breach. A KPI that has too few trials to say so within the time
// is named in the verdict as not provable, and is not counted as bad.
type BusinessCheck struct {
	KPI       string `yaml:"kpi" json:"kpi"`             // one of metrics.kpis
	Tolerance Ratio  `yaml:"tolerance" json:"tolerance"` // how far below the level before, default 5%
}

// FollowUp drafts the work after the incident.
type FollowUp struct {
	Due     Duration `yaml:"due" json:"due"`         // after the incident, default 48h
	Tracker string   `yaml:"tracker" json:"tracker"` // where the work is filed
	Actions []string `yaml:"actions" json:"actions"` // drafted into the incident's page
}

// Trigger returns the trigger of that name.
func (r *Runbook) Trigger(name string) (Trigger, bool) {
	for _, t := range r.Triggers {
		if t.Name == name {
			return t, true
		}
	}
	return Trigger{}, false
}

// KPI returns the KPI of that name.
func (r *Runbook) KPI(name string) (KPI, bool) {
	for _, k := range r.Metrics.KPIs {
		if k.Name == name {
			return k, true
		}
	}
	return KPI{}, false
}

// VerifyWithin is the longest time from change to verdict that any runbook may ask.
const VerifyWithin = 10 * time.Minute

const shiftTraffic = "shift_traffic"

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

const fixName = "use lower-case letters, digits and dashes, 63 at most, not starting with a dash"

// check notes everything that is wrong with a runbook whose defaults are filled in.
func (r *Runbook) check(p *decoder) {
	p.schema(r.Schema)
	p.name("service", r.Service)
	r.checkRegions(p)
	p.need("owner.team", r.Owner.Team, "name the team that answers for the service")
	p.need("owner.contact", r.Owner.Contact, "say where a human is reached at night, in quotes, e.g. \"#ranking-oncall\"")
	r.Metrics.check(p)
	r.checkTriggers(p)
	r.Routing.check(p)
	r.checkSticky(p)
	r.checkRollback(p)
	r.checkPolicy(p)
	r.checkRollout(p)
	r.Shadow.check(p)
	r.checkVerification(p)
	r.Communication.check(p)
	r.Evidence.check(p)
}

func (r *Runbook) checkRollback(p *decoder) {
	p.oneOf("rollback.action", r.Rollback.Action, shiftTraffic)
	if !r.Rollback.Quarantine {
		p.add("rollback.quarantine", "must be true", "leave it out; to start a bundle again that was rolled back, lift its quarantine: autorollback release lift BUNDLE --reason WHY")
	}
	p.atLeast("last_known_good.min_pods", r.LastKnownGood.MinPods, 1)
	if p.has("last_known_good.max_age") {
		p.positive("last_known_good.max_age", r.LastKnownGood.MaxAge)
	}
	if r.Metrics.ByRouter() && !r.LastKnownGood.Health.Named() {
		p.missing("last_known_good.health", "name a metric that says of each pod whether it is ready: with `vantage: router` the series are those of routers, which look warm when no pod behind them is")
	}
	r.LastKnownGood.checkCatalog(p)
	r.LastKnownGood.Health.check(p, []string{r.Metrics.SideLabel()})
}

func (p *decoder) schema(n int) {
	if !p.has("schema") {
		p.missing("schema", "write `schema: 1` at the top")
	} else if n != Schema {
		p.add("schema", fmt.Sprintf("%d is not known to this program", n), "write `schema: 1`, or use a newer autorollback")
	}
}

func (p *decoder) need(path, value, fix string) {
	if strings.TrimSpace(value) == "" {
		p.missing(path, fix)
	}
}

func (p *decoder) name(path, value string) {
	if value == "" {
		p.missing(path, fixName)
	} else if !namePattern.MatchString(value) {
		p.add(path, fmt.Sprintf("%q is not a name", value), fixName)
	}
}

func (p *decoder) oneOf(path, value string, known ...string) {
	fix := "write one of " + strings.Join(known, ", ")
	if len(known) == 1 {
		fix = "write " + known[0]
	}
	switch near := Nearest(value, known); {
	case slices.Contains(known, value):
	case value == "":
		p.missing(path, fix)
	case near != "":
		p.add(path, fmt.Sprintf("%q is unknown", value), fmt.Sprintf("did you mean %q?", near))
	default:
		p.add(path, fmt.Sprintf("%q is unknown", value), fix)
	}
}

func (p *decoder) atLeast(path string, n, least int) {
	if n < least {
		p.add(path, fmt.Sprintf("%d is too small", n), fmt.Sprintf("write %d or more", least))
	}
}

func (p *decoder) positive(path string, d Duration) {
	if d <= 0 {
		p.add(path, "must be longer than 0", "write a duration such as 5m")
	}
}

// setDefault sets a field that was not written in the file.
func setDefault[T any](p *decoder, path string, field *T, value T) {
	if !p.has(path) {
		*field = value
	}
}

// applyDefaults sets the defaults that the fields' comments name.
func (r *Runbook) applyDefaults(p *decoder) {
	setDefault(p, "regions", &r.Regions, []string{DefaultRegion})
	r.Metrics.applyDefaults(p)
	for i := range r.Triggers {
		r.Triggers[i].applyDefaults(p, fmt.Sprintf("triggers[%d]", i))
		if t := &r.Triggers[i]; t.section() == "latency" {
			r.Metrics.nameFirst(&t.Latency)
		}
	}
	r.Routing.applyDefaults(p)
	setDefault(p, "rollback.action", &r.Rollback.Action, shiftTraffic)
	setDefault(p, "rollback.quarantine", &r.Rollback.Quarantine, true)
	setDefault(p, "last_known_good.min_pods", &r.LastKnownGood.MinPods, 1)
	setDefault(p, "last_known_good.max_age", &r.LastKnownGood.MaxAge, 4*r.Metrics.Step())
	r.Policy.applyDefaults(p)
	r.Rollout.applyDefaults(p)
	r.Shadow.applyDefaults(p)
	r.Verification.applyDefaults(p)
	if c := r.Verification.System.Latency; c != nil {
		r.Metrics.nameFirst(&c.Latency)
	}
	setDefault(p, "verification.window", &r.Verification.Window, max(Duration(time.Minute), leastIntervals*r.Metrics.ScrapeInterval))
	setDefault(p, "communication.channel", &r.Communication.Channel, r.Owner.Contact)
	r.Evidence.applyDefaults(p)
	setDefault(p, "follow_up.due", &r.FollowUp.Due, Duration(48*time.Hour))
}

func (m *Metrics) applyDefaults(p *decoder) {
	m.Selector, m.Requests.Errors = bare(m.Selector), bare(m.Requests.Errors)
	setDefault(p, "metrics.interval", &m.Interval, Duration(15*time.Second))
	setDefault(p, "metrics.warmup", &m.Warmup, Duration(2*time.Minute))
	if m.Track == nil && m.Join == nil {
		setDefault(p, "metrics.version_label", &m.VersionLabel, "version")
	}
	m.labelDefaults(p)
	setDefault(p, "metrics.pod_label", &m.PodLabel, "instance")
	if m.Latency != nil {
		m.Latency.applyDefaults(p, "metrics.latency")
	}
	for i := range m.Latencies {
		m.Latencies[i].applyDefaults(p, fmt.Sprintf("metrics.latencies[%d]", i))
	}
	if f := m.Features; f != nil {
		setDefault(p, "metrics.features.label", &f.Label, "feature")
	}
	if d := m.Drift; d != nil {
		d.Selector = bare(d.Selector)
		setDefault(p, "metrics.drift.selector", &d.Selector, m.Selector)
		setDefault(p, "metrics.drift.score", &d.Score, "ml_drift_score")
		setDefault(p, "metrics.drift.threshold", &d.Threshold, "ml_drift_threshold")
		setDefault(p, "metrics.drift.last_run", &d.LastRun, "ml_drift_last_run_timestamp_seconds")
	}
}

// bare trims what PromQL allows at the end of matchers, so that more can be appended.
func bare(matchers string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(matchers), ","))
}

func (o *Policy) applyDefaults(p *decoder) {
	setDefault(p, "policy.mode", &o.Mode, Observe)
	setDefault(p, "policy.approval_ttl", &o.ApprovalTTL, Duration(30*time.Minute))
	setDefault(p, "policy.on_expiry", &o.OnExpiry, "page")
	setDefault(p, "policy.cooldown", &o.Cooldown, Duration(time.Hour))
	setDefault(p, "policy.max_rollbacks", &o.MaxRollbacks, 2)
	setDefault(p, "policy.min_candidate_pods", &o.MinCandidatePods, 2)
	for i := range o.Schedule {
		setDefault(p, fmt.Sprintf("policy.schedule[%d].timezone", i), &o.Schedule[i].Timezone, "UTC")
	}
}

func (v *Verification) applyDefaults(p *decoder) {
	v.Golden.applyDefaults(p)
	setDefault(p, "verification.within", &v.Within, Duration(VerifyWithin))
	setDefault(p, "verification.every", &v.Every, Duration(5*time.Second))
	setDefault(p, "verification.polls", &v.Polls, 3)
	setDefault(p, "verification.min_requests", &v.MinRequests, 100)
	setDefault(p, "verification.system.error_rate.tolerance", &v.System.ErrorRate.Tolerance, 0.005)
	if v.System.Latency != nil {
		setDefault(p, "verification.system.latency.tolerance", &v.System.Latency.Tolerance, 0.15)
	}
	for i := range v.Business {
		setDefault(p, fmt.Sprintf("verification.business[%d].tolerance", i), &v.Business[i].Tolerance, 0.05)
	}
}
