package view

import (
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An ObserveReport is what the daemon would have done while it observed, before it is armed.
type ObserveReport struct {
	From      time.Time             `json:"from"`
	To        time.Time             `json:"to"`
	Incidents []Would               `json:"incidents"`       // oldest first
	Count     map[record.Action]int `json:"count"`           // by what it would have done
	Older     bool                  `json:"older,omitempty"` // there may be more than were looked at
}

// Would is one incident of observe mode.
type Would struct {
	Incident  string        `json:"incident"`
	Service   string        `json:"service"`
	Region    string        `json:"region"`
	Release   string        `json:"release"`
	Candidate string        `json:"candidate"`
	Trigger   string        `json:"trigger"`
	At        time.Time     `json:"at"` // when it would have decided
	Action    record.Action `json:"action"`
	Why       string        `json:"why,omitempty"`
	// Harm is since when there was harm, and MovedAt when people moved the traffic; zero: not known, or nobody did.
	Harm    time.Time `json:"harm,omitzero"`
	MovedAt time.Time `json:"moved_at,omitzero"`
	// Sooner is how much earlier the traffic would have been moved; 0: it would not, or nobody moved it.
	Sooner runbook.Duration `json:"sooner,omitempty"`
}

// Observed makes the report of the incidents that were opened from a moment on. service may be empty: all.
// looked is how many incidents were asked for at most.
func Observed(all []record.Incident, service string, from, to time.Time, looked int) ObserveReport {
	r := ObserveReport{From: from.UTC(), To: to.UTC(), Incidents: []Would{}, Count: map[record.Action]int{}}
	oldest := to
	for _, i := range all {
		if i.OpenedAt.Before(oldest) {
			oldest = i.OpenedAt
		}
		would, at, why := observedOf(i)
		if would == "" || i.OpenedAt.Before(from) || i.OpenedAt.After(to) || service != "" && i.Service != service {
			continue
		}
		w := Would{Incident: i.ID, Service: i.Service, Region: i.Region, Release: i.Release, Candidate: i.Candidate.Version,
			Trigger: i.Breach.Trigger, At: at, Action: would, Why: why, Harm: i.Harm().At, MovedAt: i.ActedAt}
		if would == record.RollBack && i.ActedAt.After(at) {
			w.Sooner = runbook.Duration(i.ActedAt.Sub(at))
		}
		r.Incidents = append(r.Incidents, w)
		r.Count[would]++
	}
	r.Older = len(all) >= looked && oldest.After(from)
	slices.SortFunc(r.Incidents, func(a, b Would) int { return a.At.Compare(b.At) })
	return r
}

// observedOf is what would have been done. A human's order replaces the decision, and the inputs still
// have the incident as it was before.
func observedOf(i record.Incident) (record.Action, time.Time, string) {
	d := i.Decision
	if d.Would == "" && i.Inputs != nil && i.Inputs.Incident != nil {
		d = i.Inputs.Incident.Decision
	}
	if d.Would == "" {
		return "", time.Time{}, ""
	}
	at, why := d.At, ""
	if at.IsZero() {
		at = i.OpenedAt
	}
	if len(d.Reasons) > 1 {
		why = d.Reasons[1]
	}
	return d.Would, at, why
}
