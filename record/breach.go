package record

import (
	"encoding/json"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Source is how we came to hear of a breach.
type Source string

const (
	Webhook Source = "webhook" // Alertmanager called us
	Watcher Source = "watcher" // we asked Prometheus
	Human   Source = "human"   // a person asked
)

// An Alert is what somebody told us, as received. It is a question, not an order.
type Alert struct {
	Service     string            `json:"service"`
	Trigger     string            `json:"trigger"`
	Region      string            `json:"region,omitempty"` // empty: every region with an open release
	Severity    runbook.Severity  `json:"severity"`
	Firing      bool              `json:"firing"`
	StartsAt    time.Time         `json:"starts_at"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Source      Source            `json:"source"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	ReceivedAt  time.Time         `json:"received_at"`
}

// UnmarshalJSON reads what this and older versions stored: Source was called Lane.
func (a *Alert) UnmarshalJSON(text []byte) error {
	type plain Alert
	was := struct {
		*plain
		Old Source `json:"lane"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(text, &was); err != nil {
		return err
	}
	if a.Source == "" {
		a.Source = was.Old
	}
	return nil
}

// State is the answer of Prometheus to a trigger's own expression.
type State string

const (
	Breaching    State = "breaching"
	NotBreaching State = "not_breaching"
	NoData       State = "no_data"     // a side is missing, or the newest sample is too old: neither good nor bad
	Unreachable  State = "unreachable" // Prometheus did not answer, or the significance is not known yet: to be asked again
	NoTrigger    State = "no_trigger"  // the incident is about none, but about the checks after a step: there is nothing to ask
)

// A Breach is a trigger as Prometheus answers for it now. Only a breach whose State
// is Breaching may move traffic.
type Breach struct {
	Trigger  string           `json:"trigger"`
	Severity runbook.Severity `json:"severity"`
	State    State            `json:"state"`
	Value    float64          `json:"value"` // the effect, in the trigger's unit
	// Significance is what this replica's monitor said; zero where the type has none.
	Significance Significance `json:"significance,omitzero"`
	StartedAt    time.Time    `json:"started_at,omitzero"`
	AskedAt      time.Time    `json:"asked_at"`
	// What the guards of the policy need, from the same moment.
	CandidatePods   int     `json:"candidate_pods"`
	StablePods      int     `json:"stable_pods"` // fresh and ready: how warm the last known good is
	StableRate      float64 `json:"stable_rate"` // requests per second: 0 means there is no concurrent control
	StableUnhealthy bool    `json:"stable_sick"` // the stable side breaks an absolute limit as well
	CandidateRate   float64 `json:"candidate_rate"`
	// RulesDrift says how the rules that this trigger rests on differ from the runbook's
	// in Prometheus; empty: nothing is known to differ.
	RulesDrift string  `json:"rules_drift,omitempty"`
	Queries    []Query `json:"queries,omitempty"`
	Problem    string  `json:"problem,omitempty"` // why NoData or Unreachable
	// Dead are the triggers that have no data, where the companion was asked about all of them.
	Dead []string `json:"dead,omitempty"`
}

// What a question was put to; nothing is Prometheus, in PromQL.
const (
	AskedKV   = "kv"   // Expr is a prefix of keys
	AskedHTTP = "http" // Expr is a method and an address
)

// A Query is a question to Prometheus, to the router's keys or to a pod, with its answer, kept as evidence.
type Query struct {
	Name   string    `json:"name"`
	Kind   string    `json:"kind,omitempty"` // what was asked, e.g. AskedKV; empty: Prometheus
	Expr   string    `json:"expr"`
	At     time.Time `json:"at"`
	Answer string    `json:"answer"` // JSON of the result, or the error's text
}

// A Significance is what the statistics say of one trigger of an open release at the end of
// an interval: whether the difference between the sides is more than chance, and not one
// pod's doing.
type Significance struct {
	At      time.Time `json:"at,omitzero"`       // end of the interval; zero: nothing is known
	Value   float64   `json:"value"`             // at least 1: proved, the pod guard included
	LogE    float64   `json:"log_e"`             // ln of the odds against chance, in the window where they are greatest
	Method  string    `json:"method,omitempty"`  // how the numbers were computed
	Problem string    `json:"problem,omitempty"` // why nothing is known; empty: it is
	Onset   Onset     `json:"onset,omitzero"`    // since when the difference is there; zero: not proved, or not known
}

// Proved reports whether the difference is significant.
func (s Significance) Proved() bool { return s.Problem == "" && s.Value >= 1 }

// Unjudged reports whether Prometheus answered that the effect is there, and only its
// significance is not known yet.
func (b Breach) Unjudged() bool {
	return b.State == Unreachable && b.Significance.Problem != "" && b.Problem == b.Significance.Problem
}
