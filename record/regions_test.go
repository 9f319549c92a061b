package record_test

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

// An order is about the release that was there, and about nothing that began after it.
func TestWhenAnOrderIsOver(t *testing.T) {
	at := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	was := record.PendingRollback{Release: "rel-1", At: at}
	unknown := record.PendingRollback{At: at}
	for _, c := range []struct {
		name  string
		order record.PendingRollback
		rel   *record.Release
		over  bool
	}{
		{"it is open", was, &record.Release{ID: "rel-1", Phase: record.Open}, false},
		{"it is rolled back", was, &record.Release{ID: "rel-1", Phase: record.RolledBack}, true},
		{"it is proved", was, &record.Release{ID: "rel-1", Phase: record.Closed}, true},
		{"another began", was, &record.Release{ID: "rel-2", Phase: record.Open}, true},
		{"there is none", was, nil, true},
		{"not known which, and it was there", unknown, &record.Release{ID: "rel-2", Phase: record.Open, StartedAt: at.Add(-time.Minute)}, false},
		{"not known which, and it began since", unknown, &record.Release{ID: "rel-2", Phase: record.Open, StartedAt: at.Add(time.Minute)}, true},
	} {
		if why := c.order.Over(c.rel); (why != "") != c.over {
			t.Errorf("%s: over because %q", c.name, why)
		}
	}
}
