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
	Schema        int           `yaml:"schema" json:"schema"`
	Service       string        `yaml:"service" json:"service"` // ^[a-z0-9][a-z0-9-]{0,62}$
	Regions       []string      `yaml:"regions" json:"regions"` // never empty; default [DefaultRegion]
	Owner         Owner         `yaml:"owner" json:"owner"`
	Metrics       Metrics       `yaml:"metrics" json:"metrics"`
	Triggers      []Trigger     `yaml:"triggers" json:"triggers"`
	Routing       Routing       `yaml:"routing" json:"routing"`
	Rollback      Rollback      `yaml:"rollback" json:"rollback"`
	LastKnownGood LastKnownGood `yaml:"last_known_good" json:"last_known_good"`
	Policy        Policy        `yaml:"policy" json:"policy"`
	Rollout       *Rollout      `yaml:"rollout,omitempty" json:"rollout,omitempty"` // nil: no ramp
	Shadow        *Shadow       `yaml:"shadow,omitempty" json:"shadow,omitempty"`   // nil: a release may start without having been compared
	Verification  Verification  `yaml:"verification" json:"verification"`
	Communication Communication `yaml:"communication" json:"communication"`
	Evidence      Evidence      `yaml:"evidence" json:"evidence"`
	FollowUp      FollowUp      `yaml:"follow_up" json:"follow_up"`

	// File is where the runbook was read from, and Digest the "sha256:…" of its
	// text. Generated rules carry the digest, so that drift shows.
	File   string `yaml:"-" json:"file"`
	Digest string `yaml:"-" json:"digest"`

	line int // of the service's name, for messages
}

// An Owner answers for the service.
type Owner struct {
	Team       string `yaml:"team" json:"team"`
	Contact    string `yaml:"contact" json:"contact"`       // where a human is reached, e.g. "#ranking-oncall"
	Escalation string `yaml:"escalation" json:"escalation"` // who is next; may be empty
}

// Rollback is what is done about a severe breach. The only action today is
// "shift_traffic": all traffic to the stable bundle in one transaction.
type Rollback struct {
	Action     string `yaml:"action" json:"action"`         // default "shift_traffic"
	Quarantine bool   `yaml:"quarantine" json:"quarantine"` // must be true (the default): the candidate bundle cannot start again until lifted by name
}

// LastKnownGood says when the stable bundle may take all traffic.
type LastKnownGood struct {
	// MinPods is the least number of stable pods that must report, default 1.
	MinPods int `yaml:"min_pods" json:"min_pods"`
	// MaxAge is how old a pod's newest sample may be to count, default 4 intervals.
	MaxAge Duration `yaml:"max_age" json:"max_age"`
	// Health is an optional metric that is 1 for a ready pod and carries the same
	// version and pod labels; without it a fresh request counter counts as ready.
	Health string `yaml:"health" json:"health"`
}

// Verification says what "recovered" means: K polls in a row in which every system
// and business check is good with enough samples, within the time.
type Verification struct {
	Within      Duration        `yaml:"within" json:"within"`             // at most and by default 10m
	Every       Duration        `yaml:"every" json:"every"`               // between polls, default 5s
	Polls       int             `yaml:"polls" json:"polls"`               // K, default 3
	Window      Duration        `yaml:"window" json:"window"`             // range each question looks back, default 1m
	MinRequests int             `yaml:"min_requests" json:"min_requests"` // in the window, default 100
	System      SystemChecks    `yaml:"system" json:"system"`
	Business    []BusinessCheck `yaml:"business" json:"business"`                   // at least one unless the service has no KPI
	Golden      *Golden         `yaml:"golden,omitempty" json:"golden,omitempty"`   // nil: no stored predictions are asked
	Pairing     *Pairing        `yaml:"pairing,omitempty" json:"pairing,omitempty"` // nil: what pods serve with what is not asked
}

// SystemChecks are the limits on what users get from any version.
type SystemChecks struct {
	ErrorRate ErrorRateCheck `yaml:"error_rate" json:"error_rate"`
	Latency   *LatencyCheck  `yaml:"latency" json:"latency"` // nil if the service has no latency histogram
}

// ErrorRateCheck is good while the error rate is at most Below and at most the
// stable level before the breach plus Tolerance (in absolute share, 0.005 = 0.5 pp).
type ErrorRateCheck struct {
	Below     Ratio `yaml:"below" json:"below"`
	Tolerance Ratio `yaml:"tolerance" json:"tolerance"` // default 0.5%
}

// LatencyCheck is good while the quantile is at most Below (0: no ceiling) and at
// most (1+Tolerance) times the stable level before the breach.
type LatencyCheck struct {
	Quantile  float64  `yaml:"quantile" json:"quantile"`
	Below     Duration `yaml:"below" json:"below"`
	Tolerance Ratio    `yaml:"tolerance" json:"tolerance"` // default 15%
}

// BusinessCheck is good while the KPI is at least (1-Tolerance) times the stable
// level before the breach. A KPI that has too few trials to say so within the time
// is named in the verdict as not provable, and is not counted as bad.
type BusinessCheck struct {
	KPI       string `yaml:"kpi" json:"kpi"`
	Tolerance Ratio  `yaml:"tolerance" json:"tolerance"` // default 5%
}

// Communication says who is told. Labels are put on the alerts that carry our
// messages, so that the team's own Alertmanager routes pick the receiver.
type Communication struct {
	Channel string            `yaml:"channel" json:"channel"` // default Owner.Contact
	Labels  map[string]string `yaml:"labels" json:"labels"`
}

// Evidence says what is kept of an incident beyond the fixed set, and how long.
type Evidence struct {
	Keep    Duration `yaml:"keep" json:"keep"`       // default 90d; nothing here deletes: it is written into the manifest
	Archive string   `yaml:"archive" json:"archive"` // where the folder is copied by the team; required to tick the self-check
	Queries []string `yaml:"queries" json:"queries"` // extra PromQL captured before and after
}

// FollowUp drafts the work after the incident.
type FollowUp struct {
	Due     Duration `yaml:"due" json:"due"` // default 48h
	Tracker string   `yaml:"tracker" json:"tracker"`
	Actions []string `yaml:"actions" json:"actions"`
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
