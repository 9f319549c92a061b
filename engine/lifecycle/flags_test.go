package lifecycle

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// Which documents must be off: those of bundles that are quarantined, and whose version nobody
// has given another meaning since.
func TestDocumentsOff(t *testing.T) {
	q := func(bundle, version string, minutes int) record.Quarantine {
		return record.Quarantine{Bundle: bundle, Service: "ranker", Region: "default", Version: version, At: fixture.Morning.Add(time.Duration(minutes) * time.Minute)}
	}
	release := func(phase record.ReleasePhase, stable, candidate string) *record.Release {
		return &record.Release{Service: "ranker", Region: "default", Phase: phase, Stable: record.Side{Version: stable}, Candidate: record.Side{Version: candidate}}
	}
	change := func(q record.Quarantine, f func(*record.Quarantine)) record.Quarantine { f(&q); return q }
	for name, c := range map[string]struct {
		release *record.Release
		barred  []record.Quarantine
		want    string
	}{
		"rolled back":                            {release(record.RolledBack, "v1", "v2"), []record.Quarantine{q("a", "v2", 0)}, "a "},
		"the next release is under way":          {release(record.Open, "v1", "v3"), []record.Quarantine{q("a", "v2", 0)}, "a "},
		"two of two versions":                    {release(record.RolledBack, "v1", "v3"), []record.Quarantine{q("a", "v3", 0), q("b", "v2", 1)}, "b a "},
		"two of one version":                     {release(record.RolledBack, "v1", "v2"), []record.Quarantine{q("a", "v2", 0), q("b", "v2", 1)}, "b "},
		"the newest of one version is lifted":    {release(record.Closed, "v1", "v3"), []record.Quarantine{q("a", "v2", 0), change(q("b", "v2", 1), func(q *record.Quarantine) { q.Lifted = "by ann: fixed" })}, ""},
		"another bundle has the version now":     {release(record.Open, "v1", "v2"), []record.Quarantine{q("a", "v2", 0)}, ""},
		"and is proved":                          {release(record.Closed, "v1", "v2"), []record.Quarantine{q("a", "v2", 0)}, ""},
		"a human went back to it":                {release(record.RolledBack, "v2", "v3"), []record.Quarantine{q("a", "v2", 0)}, ""},
		"of another service":                     {release(record.RolledBack, "v1", "v2"), []record.Quarantine{change(q("a", "v2", 0), func(q *record.Quarantine) { q.Service = "search" })}, ""},
		"of another region":                      {release(record.RolledBack, "v1", "v2"), []record.Quarantine{change(q("a", "v2", 0), func(q *record.Quarantine) { q.Region = "eu" })}, ""},
		"by a program that switched off no flag": {release(record.RolledBack, "v1", "v2"), []record.Quarantine{q("a", "", 0)}, ""},
		"no release":                             {nil, []record.Quarantine{q("a", "v2", 0)}, "a "},
	} {
		s := playOf(t, "page").s
		s.Release = c.release
		for _, q := range c.barred {
			s.Quarantined[q.Bundle] = q
		}
		got := ""
		for _, q := range s.DocumentsOff() {
			got += q.Bundle + " "
		}
		if got != c.want {
			t.Errorf("%s: off are %q, want %q", name, got, c.want)
		}
	}
}
