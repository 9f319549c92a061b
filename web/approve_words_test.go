package web_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web"
)

// follow gives the site a whole runbook, whose first trigger breaches.
func (s *site) follow(onExpiry string) {
	s.t.Helper()
	rb := fixture.Runbook(s.t, onExpiry)
	rb.Policy.Approvers = []string{"alice", "bob"}
	inc := s.incidents["inc-1"]
	inc.Breach.Trigger = rb.Triggers[0].Name
	s.incidents["inc-1"] = inc
	s.deps.Runbooks = func() []*runbook.Runbook { return []*runbook.Runbook{rb} }
	s.deps.Registerer = prometheus.NewRegistry()
	s.Handler = web.Handler(s.deps)
}

// spans are what a slow machine makes longer.
var spans = regexp.MustCompile(`\b[0-9]+ s\b`)

// seen is what stands on a page before anything is unfolded, and what is folded.
func seen(t *testing.T, page string) (open, folded string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var all, fold strings.Builder
	var walk func(n *html.Node, inside bool)
	walk = func(n *html.Node, inside bool) {
		switch {
		case n.Data == "head":
			return
		case n.Type == html.TextNode && inside:
			fold.WriteString(n.Data)
		case n.Type == html.TextNode:
			all.WriteString(n.Data)
		}
		for c := range n.ChildNodes() {
			walk(c, inside || n.Data == "details" && c.Data != "summary")
		}
	}
	walk(doc, false)
	return spans.ReplaceAllString(strings.Join(strings.Fields(all.String()), " "), "N s"), strings.Join(strings.Fields(fold.String()), " ")
}

// The question, its numbers, the change, who may answer for how long, and the two answers come
// first and in this order; keys and digests are folded.
func TestAQuestionFitsOneScreen(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name, kind, onExpiry string
		state                record.State
		change               func(*site)
		says                 []string // in this order
		not                  string
	}{
		{"roll back", "rollback", "page", record.Breaching, nil, []string{"ranker", "Roll v2 back to v1?", "34 % (limit 5 %)", "still so N s ago",
			"v2 5 % → 0 %, v1 95 % → 100 %", "alice or bob may answer.", "14 m N s left, until", "If nobody answers: nothing moves, and people are paged again.",
			"Roll back", "Keep v2", "You are alice"}, "When it was confirmed"},
		{"roll back when nobody answers", "rollback", "rollback", record.Breaching, nil,
			[]string{"If nobody answers: v2 is rolled back, if the trigger still breaches then and nothing objects."}, "nothing moves"},
		{"checks never roll back", "rollback", "rollback", record.Breaching, func(s *site) {
			inc := s.incidents["inc-1"]
			inc.Decision.Guard = policy.GuardChecks
			s.incidents["inc-1"] = inc
		}, []string{"If nobody answers: nothing moves"}, "is rolled back"},
		{"quiet", "rollback", "page", record.NotBreaching, nil,
			[]string{"Not breaching any more, asked N s ago.", "When it was confirmed, N s ago: ", "34 % (limit 5 %)", "v2 5 % → 0 %"}, "still so"},
		{"no data", "rollback", "page", record.NoData, nil, []string{"No data: whether it is still so cannot be told, asked N s ago.", "34 % (limit 5 %)"}, "still so N s"},
		{"Prometheus is away", "rollback", "page", record.Unreachable, nil,
			[]string{"Prometheus does not answer: whether it is still so cannot be told, asked N s ago."}, "still so N s"},
		{"no rollback is possible", "rollback", "page", record.Breaching, func(s *site) { s.noRollback = "v1 has 1 pod" }, []string{"v1 95 % → 100 %", "v1 has 1 pod (since", "Roll back"}, "Take"},
		{"a step", "promote", "page", record.NotBreaching, func(s *site) {
			s.status.Releases[0].WeightChangedAt = now.Add(-20 * time.Minute)
			s.triggers = []view.TriggerNow{{Trigger: "errors", State: record.NotBreaching, Effect: "error rate 0.1 %", Limit: "1 %"},
				{Trigger: "latency", State: record.NotBreaching, Effect: "P95 latency 2 % above stable", Limit: "30 %"}}
		}, []string{"Take v2 from 5 % to 0 %?", "It has had 5 % for 20 m", "None of its 2 triggers breaches now.", "error rate 0.1 % (limit 1 %)", "P95 latency 2 % above stable (limit 30 %)",
			"v2 5 % → 0 %", "If nobody answers: the ramp waits at 5 %.", "Give it 0 %", "Stay at 5 %"}, "Breaching"},
		{"a step that something speaks against", "promote", "page", record.NotBreaching, func(s *site) {
			s.triggers = []view.TriggerNow{{Trigger: "errors", State: record.Breaching}, {Trigger: "latency", State: record.NoData}}
		}, []string{"Breaching now: errors."}, "None of its"},
		{"a held release", "release_hold", "rollback", record.NotBreaching, func(s *site) {
			s.status.Releases[0].Held = &record.HumanHold{Since: now.Add(-3 * time.Minute), Want: record.Split{"v1": 95, "v2": 5}, Found: record.Split{"v1": 80, "v2": 20}}
		}, []string{"Let v2 continue at 20 %?", "Somebody else set v2 from 5 % to 20 %, 3 m", "If nobody answers: the release stays held, and nothing is moved.", "Let it continue", "Keep holding"}, "→"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ask(t, c.kind, c.state)
			s.follow(c.onExpiry)
			if c.change != nil {
				c.change(s)
			}
			page := s.ask("GET", s.link(), "", as("alice")).Body.String()
			open, folded := seen(t, page)
			rest := open
			for _, want := range c.says {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("the page does not say %q, or not in its place: %s", want, open)
					continue
				}
				rest = after
			}
			if strings.Contains(open, c.not) {
				t.Errorf("the page says %q: %s", c.not, open)
			}
			for _, detail := range []string{"sha256:", "traefik/weight", "epoch"} {
				moves := c.kind != "release_hold" // a yes to it writes no key of the router
				if want := moves || detail != "traefik/weight"; strings.Contains(open, detail) || strings.Contains(folded, detail) != want {
					t.Errorf("%q: want it folded %t: %s", detail, want, page)
				}
			}
		})
	}
}

// Who may answer is who the daemon would take an answer from.
func TestWhoMayAnswer(t *testing.T) {
	for _, c := range []struct {
		name      string
		auth      func(*testing.T) web.Auth
		show      asks
		approvers []string
		says      string
	}{
		{"named", signIn, as("alice"), []string{"alice", "bob"}, "alice or bob may answer. "},
		{"not named", signIn, as("bob"), []string{"alice"}, "v1 95 % → 100 % alice may answer. "},
		{"nobody is named", signIn, as("alice"), nil, "The runbook names no approver: only people with the role approve may answer. "},
		{"nobody signs in", insecure, nothing, []string{"alice"}, "Anybody with this link may answer. "},
	} {
		s := newSite(t, c.auth(t))
		s.approvers = c.approvers
		if open, _ := seen(t, s.ask("GET", s.link(), "", c.show).Body.String()); !strings.Contains(open, c.says) {
			t.Errorf("%s: the page does not say %q: %s", c.name, c.says, open)
		}
	}
}

// Each of the two buttons leads to its form, by an address that can be opened as often as one likes;
// who only holds the link types the service's name there.
func TestTheTwoButtonsLeadToTheForms(t *testing.T) {
	for _, q := range questions {
		for _, linkOnly := range []bool{false, true} {
			s, show := ask(t, q.kind, q.state), as("alice")
			if linkOnly {
				s.deps.Auth, show = insecure(t), nothing
				s.deps.Registerer = prometheus.NewRegistry()
				s.Handler = web.Handler(s.deps)
			}
			page := s.ask("GET", s.link(), "", show).Body.String()
			for answer, does := range map[string]string{"yes": map[bool]string{false: "approve", true: "confirm"}[linkOnly], "no": "reject"} {
				if strings.Count(page, `href="?answer=`+answer+`"`) != 1 || len(formsOf(t, page)) != 0 {
					t.Errorf("%s: no button leads to %s: %s", q.name, answer, page)
				}
				forms := formsOf(t, s.ask("GET", s.link()+"?answer="+answer, "", show).Body.String())
				if len(forms) != 1 || forms[0].buttons[0].value != does {
					t.Errorf("%s, link only %t, %s: leads to %v", q.name, linkOnly, answer, forms)
				}
			}
			s.unchanged("the two buttons")
		}
	}
}

// Who may not answer sees the question without its buttons.
func TestWhoMayNotAnswerGetsNoButtons(t *testing.T) {
	s := newSite(t, signIn(t))
	for _, more := range []string{"", "?answer=yes", "?answer=no"} {
		page := s.ask("GET", s.link()+more, "", as("bob")).Body.String()
		if !strings.Contains(page, "You may look, but not answer: you are bob.") || strings.Contains(page, "<form") || strings.Contains(page, "?answer=") {
			t.Errorf("%q: %s", more, page)
		}
	}
}

// Who has the role may answer though no runbook names them.
func TestTheRoleApproveGetsTheButtons(t *testing.T) {
	auth := signIn(t)
	auth.RolesFile = write(t, "roles: {approve: [bob]}\n")
	s := siteOf(t, auth)
	if page := s.ask("GET", s.link(), "", as("bob")).Body.String(); !strings.Contains(page, "?answer=yes") {
		t.Error(page)
	}
}

// Whether silence may move traffic is said as the policy decides it.
func TestSilenceIsWhatThePolicyDecides(t *testing.T) {
	for _, onExpiry := range []string{"page", "rollback"} {
		for _, guard := range []string{policy.GuardMild, policy.GuardChecks} {
			s := ask(t, "rollback", record.Breaching)
			s.follow(onExpiry)
			inc := s.incidents["inc-1"]
			inc.Decision.Guard = guard
			s.incidents["inc-1"] = inc
			open, _ := seen(t, s.ask("GET", s.link(), "", as("alice")).Body.String())
			_, again := policy.Expired(policy.Input{Runbook: s.deps.Runbooks()[0], Incident: &inc, Release: record.Release{Region: "default"}}, time.Now(), time.Now())
			if said := strings.Contains(open, "v2 is rolled back, if"); said != again {
				t.Errorf("%s, %s: the page says so %t, the policy asks again %t", onExpiry, guard, said, again)
			}
		}
	}
}
