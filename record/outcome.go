package record

import (
	"cmp"
	"strings"
	"time"
)

// An AlertOutcome is what became of one alert that was received. Each has exactly one.
type AlertOutcome string

// AlertKind is the kind of the journal's lines that hold an [AlertResult].
const AlertKind = "alert_outcome"

const (
	Confirmed      AlertOutcome = "breaching"       // Prometheus and the significance say so as well
	NotTrue        AlertOutcome = "not_breaching"   // it is not true now
	WithoutData    AlertOutcome = "no_data"         // neither good nor bad
	NotAnswered    AlertOutcome = "unreachable"     // Prometheus did not answer, or the significance is not known yet
	Blind          AlertOutcome = "blind"           // the companion says that triggers cannot judge, and which
	Duplicate      AlertOutcome = "duplicate"       // its incident is there, and this changes nothing
	UnknownTrigger AlertOutcome = "unknown_trigger" // with a release open: held and paged
	UnknownService AlertOutcome = "unknown_service"
	UnknownRegion  AlertOutcome = "unknown_region"
	NoRelease      AlertOutcome = "no_release" // none is open
	Resolved       AlertOutcome = "resolved"   // which says nothing of the service
	Alive          AlertOutcome = "watchdog"
	Probed         AlertOutcome = "doctor"    // a synthetic one, to see whether alerts reach us
	Malformed      AlertOutcome = "malformed" // a name or a status that cannot be one
	NotOurs        AlertOutcome = "not_ours"  // not labelled autorollback="true"
	NotCommitted   AlertOutcome = "later"     // it is offered again, and counted again then
)

// AlertOutcomes are all of them, in the order in which they say more and more about an alert
// that names no region: what it meant for one where something is wrong is what became of it.
func AlertOutcomes() []AlertOutcome {
	return []AlertOutcome{NotOurs, Malformed, Alive, Probed, Resolved, UnknownService, UnknownRegion, NoRelease,
		Duplicate, UnknownTrigger, NotTrue, WithoutData, NotAnswered, Blind, Confirmed, NotCommitted}
}

// An AlertResult is an alert that was received with its outcome, and what that rests on.
type AlertResult struct {
	At       time.Time    `json:"at"`
	Last     time.Time    `json:"last,omitzero"` // of several equal ones in a row: the last
	Count    int          `json:"count"`         // how many they were
	Source   Source       `json:"source"`
	Service  string       `json:"service"`
	Region   string       `json:"region,omitempty"`
	Trigger  string       `json:"trigger"`
	StartsAt time.Time    `json:"starts_at,omitzero"`
	Outcome  AlertOutcome `json:"outcome"`
	Release  string       `json:"release,omitempty"`
	Incident string       `json:"incident,omitempty"`

	// What Prometheus and the statistics said; State is empty where nobody was asked.
	State        State    `json:"state,omitempty"`
	Effect       string   `json:"effect,omitempty"`       // in words, with its unit
	Limit        string   `json:"limit,omitempty"`        // that the runbook sets
	Significance float64  `json:"significance,omitempty"` // 1 is proved
	Problem      string   `json:"problem,omitempty"`
	Dead         []string `json:"dead,omitempty"` // triggers that cannot judge

	// What the policy said; empty where it was not asked.
	Action Action `json:"action,omitempty"`
	Guard  string `json:"guard,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Repeats reports whether a result says nothing new after another one.
func (r AlertResult) Repeats(before AlertResult) bool {
	return r.Source == before.Source && r.Service == before.Service && r.Region == before.Region && r.Trigger == before.Trigger &&
		r.Outcome == before.Outcome && r.Guard == before.Guard && r.Release == before.Release && r.Incident == before.Incident
}

// Newest is when the last of the equal ones was received.
func (r AlertResult) Newest() time.Time {
	if r.Last.IsZero() {
		return r.At
	}
	return r.Last
}

// Words say the outcome as one on call would.
func (r AlertResult) Words() string {
	switch r.Outcome {
	case Confirmed:
		return "confirmed"
	case NotTrue:
		return "not true now"
	case WithoutData:
		return "no data: neither good nor bad"
	case NotAnswered:
		return "not confirmed: " + cmp.Or(r.Problem, "Prometheus did not answer")
	case Blind:
		return "blind: " + cmp.Or(strings.Join(r.Dead, ", "), "some trigger") + " cannot judge the release"
	case Duplicate:
		return "known already: " + cmp.Or(r.Incident, "its incident") + " is under way"
	case UnknownTrigger:
		return "the runbook has no such trigger"
	case UnknownService:
		return "no runbook of such a service here"
	case UnknownRegion:
		return "the runbook has no such region"
	case NoRelease:
		return "no release is open"
	case Resolved:
		return "resolved, which says nothing about recovery"
	case Alive:
		return "the watchdog: alerts reach us"
	case Probed:
		return "the doctor's: alerts reach us"
	case Malformed:
		return "left out: a name or a status that cannot be one"
	case NotOurs:
		return `left out: not labelled autorollback="true"`
	case NotCommitted:
		return "not committed; Alertmanager sends it again"
	}
	return string(r.Outcome)
}
