package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
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
	return strings.Join(strings.Fields(all.String()), " "), strings.Join(strings.Fields(fold.String()), " ")
}

// The question, its numbers, the change, who may answer for how long, and the two answers come
// first and in this order; keys and digests are folded.
func TestAQuestionFitsOneScreen(t *testing.T) {
	for _, c := range []struct {
		name, kind, onExpiry string
		state                record.State
		change               func(*site)
		says                 []string // in this order
		not                  string
	}{
		{"roll back", "rollback", "page", record.Breaching, nil, []string{"Roll v2 back to v1?", "34 % (limit 5 %", "Now: still breaching, asked 0 s ago",
			"v2 5 % → 0 %, v1 95 % → 100 %", "alice or bob may answer.", "14 m 5", "left", "If nobody answers: nothing moves, and people are paged again.", "Roll back …", "Keep v2 …"}, "When it opened"},
		{"roll back when nobody answers", "rollback", "rollback", record.Breaching, nil, []string{"If nobody answers: v2 is rolled back, if the trigger still breaches then and nothing objects."}, "nothing moves"},
		{"checks never roll back", "rollback", "rollback", record.Breaching, func(s *site) {
			inc := s.incidents["inc-1"]
			inc.Decision.Guard = policy.GuardChecks
			s.incidents["inc-1"] = inc
		}, []string{"If nobody answers: nothing moves"}, "is rolled back"},
		{"quiet", "rollback", "page", record.NotBreaching, nil, []string{"When it opened: ", "34 % (limit 5 %", "Now: not breaching", "v2 5 % → 0 %"}, "still breaching"},
		{"no rollback is possible", "rollback", "page", record.Breaching, func(s *site) { s.noRollback = "v1 has 1 pod." }, []string{"v1 95 % → 100 %", "v1 has 1 pod.", "Roll back …"}, "Take"},
		{"a step", "promote", "page", record.NotBreaching, nil, []string{"Take v2 to 0 %?", "nothing objects", "v2 5 % → 0 %", "If nobody answers: the ramp waits at this step.", "Take the step …", "Do not take the step …"}, "breaching"},
		{"a held release", "release_hold", "rollback", record.NotBreaching, nil, []string{"Let ranker go on?", "Somebody else set this split", "If nobody answers: the release stays held.", "Let it go on …", "Keep holding …"}, "→"},
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
			for _, want := range append(c.says, "Type the service's name", "You are alice") {
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
		{"nobody is named", signIn, as("alice"), nil, "The runbook names no approver: only who has the role approve may answer. "},
		{"nobody signs in", insecure, nothing, []string{"alice"}, "Whoever holds this link may answer. "},
	} {
		s := newSite(t, c.auth(t))
		s.approvers = c.approvers
		if open, _ := seen(t, s.ask("GET", s.link(), "", c.show).Body.String()); !strings.Contains(open, c.says) {
			t.Errorf("%s: the page does not say %q: %s", c.name, c.says, open)
		}
	}
}

// The two buttons lead to the two forms; the page in between has only the one that approves.
func TestTheTwoButtonsLeadToTheForms(t *testing.T) {
	for _, q := range questions {
		s := ask(t, q.kind, q.state)
		page := s.ask("GET", s.link(), "", as("alice")).Body.String()
		all := byID(t, page)
		for _, id := range []string{"approve", "reject"} {
			if strings.Count(page, `href="#`+id+`"`) != 1 || all[id] == nil || all[id].Data != "form" {
				t.Errorf("%s: no button leads to the form %s: %s", q.name, id, page)
			}
		}
		confirm := s.send(s.fill(s.link(), url.Values{"decision": {"confirm"}, "anyway": {"yes"}}, as("alice"))).Body.String()
		if strings.Contains(confirm, `href="#`) || len(formsOf(t, confirm)) != 1 {
			t.Errorf("%s: %s", q.name, confirm)
		}
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
