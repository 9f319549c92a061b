package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/test/fixture"
)

// Another region that still has the candidate is named once, for a day, and is over only once its
// store says so.
func TestStraggle(t *testing.T) {
	acted := fixture.Morning
	has := record.Release{Service: "ranker", Region: "us", Phase: record.Open, Weight: 20, Candidate: record.Side{Version: "v2", Bundle: "sha256:2"}}
	gone := has
	gone.Phase = record.RolledBack
	store := func(at time.Time, problem string, all ...record.Release) record.StoreState {
		return record.StoreState{Regions: []string{"us"}, At: at, Problem: problem, Releases: all}
	}
	named := []record.Straggler{{Region: "us", Since: acted}}
	for name, c := range map[string]struct {
		after  time.Duration
		us     func(now time.Time) record.StoreState
		before []record.Straggler
		kind   string // of the message
		why    string
	}{
		"it has it still":            {time.Minute, func(now time.Time) record.StoreState { return store(now, "", has) }, nil, report.KindStraggler, "it has v2 at 20 %"},
		"too early to say":           {5 * time.Second, func(now time.Time) record.StoreState { return store(now, "", has) }, nil, "", ""},
		"too late to say":            {25 * time.Hour, func(now time.Time) record.StoreState { return store(now, "", has) }, nil, "", ""},
		"named already":              {time.Minute, func(now time.Time) record.StoreState { return store(now, "", has) }, named, "", ""},
		"it never had it":            {time.Minute, func(now time.Time) record.StoreState { return store(now, "") }, nil, "", ""},
		"it was rolled back":         {time.Minute, func(now time.Time) record.StoreState { return store(now, "", gone) }, nil, "", ""},
		"rolled back, and was named": {time.Minute, func(now time.Time) record.StoreState { return store(now, "", gone) }, named, report.KindStragglerDone, ""},
		"it does not answer":         {time.Minute, func(time.Time) record.StoreState { return store(acted, "no route", has) }, nil, report.KindStraggler, "it had v2 at 20 % then"},
		"it never answered":          {time.Minute, func(time.Time) record.StoreState { return store(time.Time{}, "no route") }, nil, report.KindStraggler, "is not known"},
		"silent, and was named":      {time.Minute, func(time.Time) record.StoreState { return store(acted, "no route", gone) }, named, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := playOf(t, "page")
			p.s.Region, p.s.Runbook.Regions = "eu", []string{"eu", "us"}
			now := acted.Add(c.after)
			p.s.Incident = &record.Incident{ID: "inc-1", Service: "ranker", Region: "eu", ActedAt: acted, Change: &record.Change{},
				Candidate: has.Candidate, Stragglers: append([]record.Straggler(nil), c.before...)}
			p.s.Stores = []record.StoreState{c.us(now)}
			p.s.straggle(now)
			kind := ""
			for _, m := range p.s.Write.Messages {
				kind += m.Kind
			}
			if kind != c.kind {
				t.Errorf("told of %q, want %q: %+v", kind, c.kind, p.s.Incident.Stragglers)
			}
			if all := p.s.Incident.Stragglers; c.why != "" && (len(all) != 1 || !strings.Contains(all[0].Why, c.why)) {
				t.Errorf("stragglers are %+v, want one because %q", all, c.why)
			}
		})
	}
}
