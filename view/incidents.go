package view

import (
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
)

// An IncidentQuery says which incidents are asked for.
type IncidentQuery struct {
	Text  string          // words that must all be in what is said of it: id, service, region, trigger, version, decision, phase, verdict
	After record.Incident // only those behind it in the list, by its OpenedAt and ID; without an ID: from the newest on
	Limit int             // at least 1
}

// An IncidentPage is one page of a list, newest first.
type IncidentPage struct {
	Incidents []record.Incident // as [record.Incident.Brief]
	More      bool              // there are older ones
	Known     int               // how many there are, whatever is asked for
}

// says is all that a search looks at.
func says(i record.Incident) string {
	words := append([]string{i.ID, i.Service, i.Region, i.Stable.Version, i.Candidate.Version, string(i.Decision.Action), string(i.Phase),
		i.By, i.OpenedAt.UTC().Format("2006-01-02")}, i.Triggers...)
	if i.Verdict != nil {
		words = append(words, string(i.Verdict.Outcome))
	}
	return strings.ToLower(strings.Join(words, "\n"))
}

// Has reports whether an incident is asked for.
func (q IncidentQuery) Has(i record.Incident) bool {
	for word := range strings.FieldsSeq(strings.ToLower(q.Text)) {
		if !strings.Contains(says(i), word) {
			return false
		}
	}
	return true
}

// Page is the page of all that is asked for.
func (q IncidentQuery) Page(all []record.Incident) IncidentPage {
	p := IncidentPage{Known: len(all)}
	all = slices.DeleteFunc(all, func(i record.Incident) bool { return q.After.ID != "" && i.Compare(q.After) <= 0 || !q.Has(i) })
	slices.SortFunc(all, record.Incident.Compare)
	p.More = len(all) > q.Limit
	p.Incidents = all[:min(len(all), q.Limit)]
	return p
}
