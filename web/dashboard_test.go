package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

func TestDashboard(t *testing.T) {
	s := newSite(t, signIn(t))
	now := time.Now()
	s.status.Control = record.Control{Mode: runbook.Paused, By: "bob", Reason: "drill", Until: now}
	s.status.Releases = append(s.status.Releases,
		record.Release{Service: "held", Phase: record.Open, Held: &record.HumanHold{}},
		record.Release{Service: "mesh", Phase: record.Open, Pending: []record.DeferredWrite{{Place: "config-entry", Problem: "no leader"}}},
		record.Release{Service: "frozen", Phase: record.Open, Frozen: "p99 over the limit"},
		record.Release{Service: "warm", Phase: record.Open, Standby: &record.Standby{State: record.Warm}},
		record.Release{Service: "cold", Phase: record.Open, Standby: &record.Standby{State: record.Cold, Why: "v1 has 0 pods", Since: time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)}},
		record.Release{Service: "gone", Phase: record.RolledBack})
	s.list = append(s.list,
		record.Incident{ID: "inc-old", Service: "ranker", Phase: record.Done, Verdict: &record.Verdict{Outcome: record.Recovered},
			Applied: &record.Applied{Instances: []record.RouterInstance{{Address: "http://10.0.0.5:8080", AppliedAt: now}, {Address: "http://10.0.0.6:8080", LateAt: now}}}})
	s.status.Quarantine = append(s.status.Quarantine, record.Quarantine{Reason: "fixed long ago", Lifted: "by bob: fixed"})
	s.status.Mirrors = []record.Mirror{{Service: "ranker", Backend: "ranker-v2", Percent: 10, Held: &record.MirrorHold{Found: "25 %"}}, {Backend: "ranker-v0", EndedAt: now}}
	s.status.Shadow = []record.ShadowVerdict{{Service: "ranker", Verdict: "block", Rule: "segment_excess", Reason: "score differs for country=DE in the hours 2 to 4", By: "carol"}}
	s.status.Alerts = []record.AlertResult{{At: now, Count: 3, Service: "ranker", Trigger: "errors", Source: record.Webhook, Outcome: record.NotTrue, Guard: "not_confirmed"},
		{At: now, Service: "<b>", Trigger: "x", Source: record.Webhook, Outcome: record.UnknownService}}
	s.board.Anchors = []record.Anchor{{Replica: "a", Lost: []record.LostHead{{Head: record.Head{Lines: 17}}}}, {Replica: "well"}}
	for path, wants := range map[string][]string{
		"/": {
			"roll back?", "<strong>paused</strong> (by bob): drill", "You are alice.", `<rect class="candidate" width="5" height="6"/>`, "5 %",
			`<p class="problem">the journal of a was truncated or rewritten: at 0001-01-01T00:00:00Z its line 17 was missing.</p>`,
			"standby: not probed yet", "standby: warm", `<p class="problem">A rollback is not possible right now: v1 has 0 pods (since 2030-05-06 09:00:00 UTC).</p>`,
			`<p class="problem">pending: config-entry is not written yet: no leader</p>`, "somebody else changed the split", "p99 over the limit",
			`href="/incidents/inc-1"`, `href="/approve/`, `<a href="/why/ranker"`,
		},
		"/incidents": {`href="/incidents/inc-1"`, `<span class="verdict recovered">recovered</span>`, "router instance http://10.0.0.6:8080 does not follow"},
		"/records": {
			"Quarantined bundles", `>errors</td><td data-head="By">webhook</td>`, `>not true now (not_confirmed)</td><td data-head="Times">3</td>`, `>&lt;b&gt;</td><td data-head="Trigger">x</td>`,
			`>ranker-v2</td><td data-head="Share">10 %</td>`, "held: somebody changed the percent: 25 %",
			`<strong class="problem">block</strong>`, "segment_excess: score differs for country=DE in the hours 2 to 4", "carol",
		},
	} {
		page := s.ask("GET", path, "", as("alice")).Body.String()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
		for _, not := range []string{"journal of well", "10.0.0.5", "ranker-v0", "fixed long ago", "Nobody signs in here", `href="/incidents/"`} {
			if strings.Contains(page, not) {
				t.Errorf("%s says %q, which is not so", path, not)
			}
		}
	}
}

func TestDashboardSaysThatItIsUnguarded(t *testing.T) {
	s := newSite(t, insecure(t))
	s.status = view.Status{Control: record.Control{Mode: runbook.Active}}
	page := s.ask("GET", "/", "").Body.String()
	if !strings.Contains(page, "Nobody signs in here") || !strings.Contains(page, "No runbook is in force.") {
		t.Error(page)
	}
}

// Whether automation is active stands in the store: without it the page does not say that it is.
func TestDashboardWithoutAStore(t *testing.T) {
	s := newSite(t, signIn(t))
	s.status = view.Status{}
	s.board.Lost = []view.LostRegion{{Problem: "connection refused"}}
	page := s.ask("GET", "/", "", as("alice")).Body.String()
	if !strings.Contains(page, "Automation is <strong>not known</strong>") || !strings.Contains(page, "The store does not answer") {
		t.Error(page)
	}
}

func TestStatusThatCannotBeRead(t *testing.T) {
	for err, code := range map[error]int{
		fmt.Errorf("%w: store is away", runbook.ErrLater): 503,
		errors.New("cosmic ray"):                          500,
	} {
		s := newSite(t, signIn(t))
		s.unread = err
		for _, path := range []string{"/", "/records", "/incidents", "/control", "/services/ranker/default/hold", "/api/v1/status", "/api/v1/releases", "/api/v1/releases/ranker/default", "/api/v1/control"} {
			if w := s.ask("GET", path, "", as("alice")); w.Code != code || w.Body.Len() == 0 {
				t.Errorf("%s answers %d, want %d", path, w.Code, code)
			}
		}
	}
}

// The page says what the API says, escaped, and knows no other names.
func TestWhyPage(t *testing.T) {
	s := newSite(t, signIn(t))
	s.status.Alerts = []record.AlertResult{{At: time.Now(), Count: 1, Service: "ranker", Trigger: "<script>", Source: record.Webhook, Outcome: record.Malformed}}
	for path, want := range map[string][]string{
		"/why/ranker":                {"Why: ranker", "&lt;script&gt; by webhook: left out", "Replica here knows", `href="/"`},
		"/why/ranker?trigger=errors": {"Why: ranker"},
		"/why/inc-1":                 {"Why: ranker, inc-1", "Something that was decided on comes out differently now", "DISAGREES. It comes out &lt;b&gt;differently&lt;/b&gt;", `href="/incidents/inc-1"`, `href="/why/ranker"`},
		"/api/v1/why/inc-1":          {`"rechecks":[{"what":"decision"`, `"alerts":[{`},
	} {
		w := s.ask("GET", path, "", as("alice"))
		for _, text := range want {
			if w.Code != 200 || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s answers %d and does not say %q:\n%s", path, w.Code, text, w.Body)
			}
		}
	}
	for _, path := range []string{"/why/nobody", "/why/RANKER", "/why/ranker?trigger=%3Cb%3E", "/api/v1/why/nobody", "/api/v1/why/ranker?trigger=a/b"} {
		if w := s.ask("GET", path, "", as("alice")); w.Code != 404 {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
}
