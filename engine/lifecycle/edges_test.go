package lifecycle

import (
	"testing"

	"github.com/autorollback/autorollback/test/fixture"
)

var documented map[string][]string

// checkEdge holds a step to the documented edges.
func checkEdge(tb testing.TB, before, after State) {
	tb.Helper()
	if documented == nil {
		documented = fixture.Edges(tb, "doc.go")
	}
	if bad := fixture.Illegal(documented, before.Incident, after.Incident); bad != "" {
		tb.Fatal(bad)
	}
}
