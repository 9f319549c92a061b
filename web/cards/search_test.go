package cards_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web/cards"
)

// fleet is so many services, of which every hundredth is stopped, and one waits for a human.
func fleet(n int) []view.Standing {
	all := make([]view.Standing, n)
	for i := range all {
		all[i] = standing()
		all[i].Service = fmt.Sprintf("service-%05d", i)
		all[i].Runbook.Owner.Team = fmt.Sprintf("team-%d", i%7)
		over(&all[i], record.Closed)
		if i%100 == 50 {
			over(&all[i], record.Open)
			all[i].Release.Stopped = &record.HumanStop{By: "ann"}
		}
	}
	all[n/2].Question = &record.Approval{Status: record.Pending, ExpiresAt: now.Add(time.Minute)}
	return all
}

func TestSearchAndPages(t *testing.T) {
	sorted := cards.Sorted(fleet(10_000))
	if first := sorted[0]; first.Service != "service-05000" || first.Kind != cards.Waiting || sorted[1].Kind != cards.Stopped || sorted[1].Service != "service-00050" {
		t.Errorf("first come %s (%s) and %s (%s)", first.Service, first.Kind, sorted[1].Service, sorted[1].Kind)
	}
	seen := map[string]bool{}
	for page := 1; page <= 417; page++ {
		s := cards.Query{Page: page}.Look(sorted)
		if s.Page != page || s.Pages != 417 || s.Found != 10_000 || len(s.Entries) > cards.PerPage {
			t.Fatalf("page %d is %d of %d with %d of %d", page, s.Page, s.Pages, len(s.Entries), s.Found)
		}
		for _, e := range s.Entries {
			seen[e.Service] = true
		}
	}
	if len(seen) != 10_000 {
		t.Errorf("the pages have %d services", len(seen))
	}
	for name, c := range map[string]struct {
		q     cards.Query
		found int
	}{
		"a name":              {cards.Query{Text: " SERVICE-0012 "}, 10},
		"part of a name":      {cards.Query{Text: "Service-0012"}, 10},
		"a team":              {cards.Query{Team: "team-3"}, 1429},
		"a state":             {cards.Query{Kind: cards.Stopped}, 100},
		"a team and a state":  {cards.Query{Team: "team-1", Kind: cards.Stopped}, 15},
		"nothing":             {cards.Query{Text: "none"}, 0},
		"a page behind":       {cards.Query{Text: "service-0012", Page: 99}, 10},
		"a page before":       {cards.Query{Text: "service-0012", Page: -1}, 10},
		"a state of no one":   {cards.Query{Kind: "<b>"}, 0},
		"a region":            {cards.Query{Text: "eu"}, 10_000},
		"the one that waits":  {cards.Query{Kind: cards.Waiting}, 1},
		"a team that is none": {cards.Query{Team: "team"}, 0},
	} {
		if s := c.q.Look(sorted); s.Found != c.found || s.Page < 1 || s.Page > s.Pages {
			t.Errorf("%s finds %d, page %d of %d, want %d", name, s.Found, s.Page, s.Pages, c.found)
		}
	}
	if teams := cards.Teams(sorted); !slices.Equal(teams, []string{"team-0", "team-1", "team-2", "team-3", "team-4", "team-5", "team-6"}) {
		t.Errorf("teams are %v", teams)
	}
}

// BenchmarkScreen is a screen of 10,000 services that were sorted before, with its cards, against one of 24.
func BenchmarkScreen(b *testing.B) {
	show := func(sorted []*cards.Entry) time.Duration {
		began := time.Now()
		for range b.N {
			for _, e := range (cards.Query{}).Look(sorted).Entries {
				cards.Of(e.Standing, false)
			}
		}
		return time.Since(began)
	}
	few, many := cards.Sorted(fleet(cards.PerPage)), cards.Sorted(fleet(10_000))
	b.ResetTimer()
	b.ReportMetric(float64(show(many))/float64(show(few)), "times")
}

// BenchmarkSort is the look at all of 10,000 services, once a second at most, against that at 1,000.
func BenchmarkSort(b *testing.B) {
	sort := func(all []view.Standing) time.Duration {
		began := time.Now()
		for range b.N {
			cards.Sorted(all)
		}
		return time.Since(began)
	}
	few, many := fleet(1_000), fleet(10_000)
	b.ResetTimer()
	b.ReportMetric(float64(sort(many))/float64(sort(few)), "times")
}
