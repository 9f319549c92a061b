package record

import (
	"cmp"
	"strings"
)

// Brief is an incident without its history: what a list of many says of it.
func (i Incident) Brief() Incident {
	d := i.Decision
	d.Choices = nil
	d.Reasons = d.Reasons[:min(len(d.Reasons), 1)]
	b := Incident{Schema: i.Schema, ID: i.ID, Service: i.Service, Region: i.Region, Release: i.Release, Epoch: i.Epoch, Phase: i.Phase,
		By: i.By, Triggers: i.Triggers, Decision: d, Approval: i.Approval, Stable: i.Stable, Candidate: i.Candidate, Applied: i.Applied,
		OpenedAt: i.OpenedAt, ActedAt: i.ActedAt, DrainedAt: i.DrainedAt, Deadline: i.Deadline, ClosedAt: i.ClosedAt,
		EvidenceAt: i.EvidenceAt, EvidenceDigest: i.EvidenceDigest, Archived: i.Archived, Holds: i.Holds}
	b.Breach.Trigger, b.Breach.Severity = i.Breach.Trigger, i.Breach.Severity
	if v := i.Verdict; v != nil {
		b.Verdict = &Verdict{Outcome: v.Outcome, Reason: v.Reason, At: v.At}
	}
	return b
}

// Compare sorts incidents, the newest first.
func (i Incident) Compare(other Incident) int {
	return cmp.Or(other.OpenedAt.Compare(i.OpenedAt), strings.Compare(i.ID, other.ID))
}
