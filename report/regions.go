package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/record"
)

// regionTable is how the service stands in its regions, side by side.
func regionTable(all []record.RegionStand) table {
	if len(all) == 0 {
		return table{}
	}
	t := table{Head: []string{"Region", "State", "Candidate", "Share", "Incident", "Verdict", "What"}}
	for _, s := range all {
		state, what := strings.ReplaceAll(s.State, "_", " "), s.Text
		if s.Lost != "" {
			state, what = state+", as last known", strings.TrimSuffix("its store "+s.Lost+"; "+what, "; ")
		}
		row := []string{s.Region, state, cmp.Or(s.Version, "–"), s.Weight.String() + " %", cmp.Or(s.Incident, "–"), cmp.Or(strings.ReplaceAll(s.Verdict, "_", " "), "–"), what}
		for n := range row {
			row[n] = visible(row[n], maxCell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// elsewhere says in which regions the candidate still was when that was last seen.
func elsewhere(inc record.Incident) string {
	text := ""
	for _, g := range inc.Stragglers {
		if g.DoneAt.IsZero() {
			text += fmt.Sprintf(" Partial: not in region %s (%s).", g.Region, strings.TrimSuffix(g.Why, "."))
		}
	}
	return text
}
