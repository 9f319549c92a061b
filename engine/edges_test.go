package engine

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
)

// edges reads the table of doc.go: what stands there is what the tests hold Step to.
func edges(tb testing.TB) map[string][]string {
	tb.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		tb.Fatal(err)
	}
	table, last := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		row, ok := strings.CutPrefix(line, "//\t")
		if !ok {
			continue
		}
		from, rest, _ := strings.Cut(row, " ")
		if from == "" {
			from = last // a row that goes on
		}
		last = from
		for _, phase := range []record.Phase{record.Unconfirmed, record.HeldPhase, record.Frozen, record.Awaiting, record.Acted, record.Verifying, record.Settled, record.Done} {
			if strings.Contains(rest, string(phase)) {
				table[from] = append(table[from], string(phase))
			}
		}
		if strings.Contains(rest, "as (heard)") {
			table[from] = append(table[from], table["(heard)"]...)
		}
	}
	if len(table) != 9 {
		tb.Fatalf("doc.go's table has %d rows: %v", len(table), table)
	}
	return table
}

var documented map[string][]string

// checkEdge holds a step to the documented edges, and to what is true of every step.
func checkEdge(tb testing.TB, before, after State) {
	tb.Helper()
	if documented == nil {
		documented = edges(tb)
	}
	if bad := illegal(documented, before, after); bad != "" {
		tb.Fatal(bad)
	}
}

func illegal(table map[string][]string, before, after State) string {
	if after.Incident == nil {
		return ""
	}
	from := "(heard)"
	if before.Incident != nil && before.Incident.ID == after.Incident.ID {
		from = string(before.Incident.Phase)
	}
	to := string(after.Incident.Phase)
	switch {
	case from == to:
		return ""
	case !slices.Contains(table[from], to):
		return "the edge " + from + " to " + to + " is not documented"
	case from == string(record.Done) && before.Incident.Change != nil:
		return "an incident that moved traffic was opened again as " + to
	}
	return ""
}
