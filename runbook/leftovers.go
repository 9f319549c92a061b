package runbook

import (
	"maps"
	"regexp"
	"slices"
)

// placeholder stands in a template where only the team knows what to write.
var placeholder = regexp.MustCompile(`\bmy-team\b|\+00 000 0000|\btracker\.example\.com\b`)

// Leftovers returns an empty box for each contact and tracker that is still the template's: nobody would be
// reached by it. A runbook that was filled in has none. Approvers are not among them: any name may be
// somebody's.
func (r *Runbook) Leftovers() []SelfCheck {
	type field struct{ path, value, fix string }
	fields := []field{
		{"owner.team", r.Owner.Team, "name your team"},
		{"owner.contact", r.Owner.Contact, "say where a human of your team is reached at any hour"},
		{"owner.escalation", r.Owner.Escalation, "say who is next if nobody answers, or leave it out"},
		{"communication.channel", r.Communication.Channel, "name your team's channel, or leave it out: owner.contact holds"},
		{"follow_up.tracker", r.FollowUp.Tracker, "say where your team files its work"},
	}
	for _, name := range slices.Sorted(maps.Keys(r.Communication.Labels)) {
		fields = append(fields, field{"communication.labels." + name, r.Communication.Labels[name],
			"write the label by which your Alertmanager routes to your team"})
	}
	var out []SelfCheck
	for _, f := range fields {
		if placeholder.MatchString(f.value) {
			out = append(out, SelfCheck{Name: f.path, Why: quoted(f.value) + " is the template's", Fix: f.fix})
		}
	}
	return out
}
