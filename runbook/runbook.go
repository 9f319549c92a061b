package runbook

import "time"

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
	// MaxAge is how old a pod's newest sample may be to count, default 4 intervals.
	MaxAge Duration `yaml:"max_age" json:"max_age"`
	// Health is a metric that is 1 for a ready pod and carries the same version and
	// pod labels; without it a fresh request counter counts as ready.
	Health string `yaml:"health" json:"health"`
}

// Verification says what "recovered" means: K polls in a row in which every system
// and business check is good with enough samples, within the time.
type Verification struct {
	Within      Duration        `yaml:"within" json:"within"`                       // until this time after the change, at most 10m; default 10m
	Every       Duration        `yaml:"every" json:"every"`                         // between polls, default 5s
	Polls       int             `yaml:"polls" json:"polls"`                         // good ones in a row that prove it, default 3
	Window      Duration        `yaml:"window" json:"window"`                       // range that each question looks back on, at least 4 intervals; default 1m
	MinRequests int             `yaml:"min_requests" json:"min_requests"`           // in the window; with fewer the answer is "cannot tell"; default 100
	System      SystemChecks    `yaml:"system" json:"system"`                       // errors and latency
	Business    []BusinessCheck `yaml:"business" json:"business"`                   // KPIs; at least one, if the service declares any
	Golden      *Golden         `yaml:"golden,omitempty" json:"golden,omitempty"`   // left out: no stored predictions are asked
	Pairing     *Pairing        `yaml:"pairing,omitempty" json:"pairing,omitempty"` // left out: which model runs with which features is not asked
}

// SystemChecks limits what users get from any version.
type SystemChecks struct {
	ErrorRate ErrorRateCheck `yaml:"error_rate" json:"error_rate"` // the share of failed requests
	Latency   *LatencyCheck  `yaml:"latency" json:"latency"`       // needed with a trigger of type latency_quantile
}

// ErrorRateCheck is good while the error rate is at most Below and at most the
// stable level before the breach plus Tolerance.
type ErrorRateCheck struct {
	Below     Ratio `yaml:"below" json:"below"`         // the error rate that users may get from any version
	Tolerance Ratio `yaml:"tolerance" json:"tolerance"` // in points of the error rate, default 0.5%
}

// LatencyCheck is good while the quantile is at most Below and at most 1 + Tolerance
// times the stable level before the breach.
type LatencyCheck struct {
	Quantile  float64  `yaml:"quantile" json:"quantile"`   // 0.95 for P95
	Below     Duration `yaml:"below" json:"below"`         // left out: no ceiling
	Tolerance Ratio    `yaml:"tolerance" json:"tolerance"` // how much slower than before, default 15%
}

// BusinessCheck is good while the KPI is at least 1 - Tolerance times the stable
// level before the breach. A KPI that has too few trials to say so within the time
// is named in the verdict as not provable, and is not counted as bad.
type BusinessCheck struct {
	KPI       string `yaml:"kpi" json:"kpi"`             // one of metrics.kpis
	Tolerance Ratio  `yaml:"tolerance" json:"tolerance"` // how far below the level before, default 5%
}

// Communication says where messages go.
type Communication struct {
	Channel string            `yaml:"channel" json:"channel"` // named in messages and on pages; default owner.contact
	Labels  map[string]string `yaml:"labels" json:"labels"`   // put on the alerts that carry our messages, so that your Alertmanager routes pick the receiver
}

// Evidence says what is kept of an incident beyond the fixed set, and how long.
type Evidence struct {
	Keep    Duration `yaml:"keep" json:"keep"`       // written into the manifest; nothing is deleted; default 90d
	Archive string   `yaml:"archive" json:"archive"` // where the folder is copied by the team; required to tick the self-check
	Queries []string `yaml:"queries" json:"queries"` // extra PromQL captured before and after
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

// HasRegion reports whether the runbook covers the region.
func (r *Runbook) HasRegion(region string) bool {
	for _, have := range r.Regions {
		if have == region {
			return true
		}
	}
	return false
}

// VerifyWithin is the longest time from change to verdict that any runbook may ask.
const VerifyWithin = 10 * time.Minute
