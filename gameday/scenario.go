package gameday

import (
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Scenario is one game day: what breaks, what must be done about it, and how fast.
type Scenario struct {
	Schema int              `yaml:"schema" json:"schema"`
	Name   string           `yaml:"name" json:"name"`
	Says   string           `yaml:"says" json:"says"`   // one sentence
	Share  runbook.Weight   `yaml:"share" json:"share"` // the candidate's traffic when it breaks, in percent, above 0 and below 100
	Break  []Break          `yaml:"break" json:"break"`
	Fix    []Break          `yaml:"fix,omitempty" json:"fix,omitempty"` // staging: calls that put everything right again
	Expect Expect           `yaml:"expect" json:"expect"`
	Limits Limits           `yaml:"limits" json:"limits"`
	Watch  runbook.Duration `yaml:"watch" json:"watch"` // at most, from the first break; also how long nothing must happen

	File string `yaml:"-" json:"file"`
}

// A Break is one thing that breaks, some time after the first. It is a fault of the
// embedded world, or a call that breaks something in a staging environment.
type Break struct {
	After runbook.Duration `yaml:"after,omitempty" json:"after"`
	Fault Fault            `yaml:"fault,omitempty" json:"fault,omitempty"`
	Of    string           `yaml:"of,omitempty" json:"of,omitempty"` // candidate (default), stable or both
	To    string           `yaml:"to,omitempty" json:"to,omitempty"` // a duration, a share or a number; see [Faults]
	Call  *Call            `yaml:"call,omitempty" json:"call,omitempty"`
}

// A Call is an HTTP request of a staging environment. Anything but 2xx is an error.
type Call struct {
	URL    string `yaml:"url" json:"url"`
	Method string `yaml:"method,omitempty" json:"method,omitempty"` // default POST
	Body   string `yaml:"body,omitempty" json:"body,omitempty"`
}

// Expect is how it must end.
type Expect struct {
	Action   record.Action  `yaml:"action" json:"action"`                         // rollback, ask, freeze or hold; none: no incident at all
	Guard    string         `yaml:"guard,omitempty" json:"guard,omitempty"`       // which guard decides; empty: any
	Triggers []string       `yaml:"triggers,omitempty" json:"triggers,omitempty"` // one of them must be the first; empty: any
	Verdict  record.Outcome `yaml:"verdict,omitempty" json:"verdict,omitempty"`   // empty: none is given
	Mixed    bool           `yaml:"mixed,omitempty" json:"mixed,omitempty"`       // mixed pairs may be served: they are what breaks
}

// None is [Expect.Action] where nothing may happen at all.
const None record.Action = "none"

// Limits are the longest times. Zero means no limit.
type Limits struct {
	Detect  runbook.Duration `yaml:"detect,omitempty" json:"detect,omitempty"`   // from the break to the incident
	Act     runbook.Duration `yaml:"act,omitempty" json:"act,omitempty"`         // from the incident to the transaction
	Drain   runbook.Duration `yaml:"drain,omitempty" json:"drain,omitempty"`     // from the transaction until the candidate gets nothing
	Recover runbook.Duration `yaml:"recover,omitempty" json:"recover,omitempty"` // from the transaction until the verdict
	Tell    runbook.Duration `yaml:"tell,omitempty" json:"tell,omitempty"`       // from the incident to the first message that reached somebody
}

// Fault is a kind of break in the embedded world.
type Fault string

// The faults of a game day.
const (
	Latency          Fault = "latency"            // to: the median, e.g. 175ms
	Errors           Fault = "errors"             // to: share of answers that fail
	KPIDrop          Fault = "kpi_drop"           // to: how much of the conversions is lost
	NullSpike        Fault = "null_spike"         // to: share of a feature's values that are missing
	SchemaBreak      Fault = "schema_break"       // to: share of requests that do not fit
	Drift            Fault = "drift"              // to: how far the scores shift
	Outage           Fault = "outage"             // of both: what stands behind them fails; to: share of answers that fail
	PrometheusBlind  Fault = "prometheus_blind"   // the pods cannot be scraped
	ConsulLeaderLost Fault = "consul_leader_lost" // staging only
	AlertStorm       Fault = "alert_storm"        // to: how many forged alerts the webhook gets
	EncoderMismatch  Fault = "encoder_mismatch"   // to: the encoder that somebody writes into the flags
)

// what the value of a fault is.
type valueKind int

const (
	noValue valueKind = iota
	aDuration
	aShare
	aNumber
	aWord
)

// faults are all there are.
var faults = map[Fault]valueKind{
	Latency: aDuration, Errors: aShare, KPIDrop: aShare, NullSpike: aShare, SchemaBreak: aShare, Drift: aShare, Outage: aShare,
	PrometheusBlind: noValue, ConsulLeaderLost: noValue, AlertStorm: aNumber, EncoderMismatch: aWord,
}

// Embeddable says which part of a scenario the embedded world cannot play honestly; nil if
// it can play all of it. It is a [runbook.ErrRefused].
func (s Scenario) Embeddable() error {
	for _, b := range s.Break {
		switch {
		case b.Fault == ConsulLeaderLost:
			return runbook.Refuse("%s: the embedded world keeps its keys in one file, which has no leader to lose; play it against a staging Consul, with a call that stops the leader (docs/gameday.md)", b.Fault)
		case b.Call != nil:
			return runbook.Refuse("%s: a call breaks something in a staging environment; the embedded world knows the faults %s", b.Call.URL, Faults())
		}
	}
	return nil
}
