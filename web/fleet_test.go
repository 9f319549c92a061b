package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// fleet has so many services beside the world's one: every hundredth is on its way, the others are proved.
func (s *site) fleet(n int) {
	s.board.Standings = nil
	for i := range n {
		rb := &runbook.Runbook{Service: fmt.Sprintf("service-%05d", i), Regions: []string{"eu"}, Owner: runbook.Owner{Team: fmt.Sprintf("team-%d", i%7)},
			Policy: runbook.Policy{Mode: runbook.Active}, Triggers: []runbook.Trigger{{Name: "errors", Type: runbook.ErrorRate, Above: 0.05}, {Name: "more", Type: runbook.ErrorRate, Above: 0.1}}}
		rel := &record.Release{ID: "rel", Service: rb.Service, Region: "eu", Phase: record.Closed, Weight: 100, Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
		if i%100 == 50 {
			rel.Phase, rel.Weight = record.Open, 25
		}
		s.board.Standings = append(s.board.Standings, view.Standing{Service: rb.Service, Region: "eu", Runbook: rb, Release: rel, Rules: record.RulesCheck{State: record.RulesOneToOne}})
	}
}

// A screen of 10,000 services is a screen, whatever is looked for, and its news are a screen's.
func TestDashboardOf10000Services(t *testing.T) {
	s := newSite(t, insecure(t))
	s.fleet(9_999)
	for path, want := range map[string]struct {
		cards int
		says  []string
	}{
		"/":                              {24, []string{"Page 1 of 417, 10,000 found.", `rel="next" href="/?page=2"`, "card-ranker-default", "ramping <strong>100</strong>", "card-service-00050-eu"}},
		"/?page=417":                     {16, []string{"Page 417 of 417", `rel="prev" href="/?page=416"`, "card-service-09998-eu"}},
		"/?state=ramping&team=team-3":    {15, []string{`<option selected>team-3</option>`, `aria-current="true">ramping <strong>15</strong>`, `href="/?team=team-3"`}},
		"/?q=service-01250":              {1, []string{"released to 25 %", `value="service-01250"`}},
		"/?q=SERVICE-012&page=2":         {24, []string{"Page 2 of 5", `href="/?page=3&amp;q=SERVICE-012"`}},
		"/?q=%22%3E%3Cscript%3Ealert(1)": {0, []string{"No service is like that.", `value="&#34;&gt;&lt;script&gt;alert(1)"`}},
	} {
		page := s.ask(http.MethodGet, path, "").Body.String()
		if n := strings.Count(page, `<article class="card"`); n != want.cards || len(page) > 100<<10 {
			t.Errorf("%s has %d cards, want %d, in %d bytes", path, n, want.cards, len(page))
		}
		for _, says := range want.says {
			if !strings.Contains(page, says) {
				t.Errorf("%s does not say %q", path, says)
			}
		}
	}
}

// Once a second somebody looks at all of them; every other reader makes a screen, and what that takes hardly
// grows with the services that are not on it.
func TestAScreenCostsAScreen(t *testing.T) {
	takes := func(n int) float64 {
		s := newSite(t, insecure(t))
		s.fleet(n)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = "rollback.example"
		for range 100 {
			s.send(r) // looks, if the last look is a second old
			before := s.looks()
			if allocs := testing.AllocsPerRun(1, func() { s.send(r) }); s.looks() == before {
				return allocs
			}
		}
		t.Fatal("every reader looks at all of them")
		return 0
	}
	few, many := takes(2_500), takes(10_000) // whose first screens are alike
	if few < 1_000 || many > few+few/10 {
		t.Errorf("a screen takes %.0f allocations of 2,500 services, and %.0f of 10,000", few, many)
	}
}
