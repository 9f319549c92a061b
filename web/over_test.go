package web_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/web"
)

const rollbackByHand = `autorollback rollback ranker --reason &#34;WHY&#34;`

// A link whose time is over says what it was for, how that stands, and what can be done by hand.
func TestAnExpiredLinkNamesItsIncident(t *testing.T) {
	phase := func(p record.Phase, more func(*record.Incident)) func(*site, *record.Approval) {
		return func(s *site, _ *record.Approval) {
			inc := s.incidents["inc-1"]
			if inc.Phase = p; more != nil {
				more(&inc)
			}
			s.incidents["inc-1"] = inc
		}
	}
	status := func(to record.ApprovalStatus, by string) func(*site, *record.Approval) {
		return func(_ *site, a *record.Approval) {
			a.Status, a.By, a.How, a.DecidedAt = to, by, record.BasicAuth, time.Now().Add(-5*time.Minute)
		}
	}
	incident := `<a href="/incidents/inc-1">The incident: inc-1</a>`
	for _, c := range []struct {
		name   string
		change func(*site, *record.Approval)
		says   []string
		not    string
	}{
		{"nobody answered", phase(record.HeldPhase, nil), []string{"This question has expired", "Nobody answered in time: it was open until ", incident, `<p class="subject">ranker</p>`, "open: held", rollbackByHand}, "accept-split"},
		{"answered before", status(record.Approved, "bob"), []string{"v2 was rolled back to v1", "Approved by bob (signed in with a password) at ", "5 m", incident}, "Nobody answered"},
		{"overtaken before", status(record.Superseded, ""), []string{"This question was overtaken", "Nobody answered it: it was overtaken at ", incident}, "in time"},
		{"acted since", phase(record.Verifying, func(i *record.Incident) { i.ActedAt = time.Now() }), []string{incident, "Traffic was moved at ", "the verdict comes by "}, "autorollback rollback"},
		{"closed", phase(record.Done, func(i *record.Incident) { i.Verdict = &record.Verdict{Outcome: record.Recovered} }), []string{incident, "closed; recovered"}, "autorollback rollback"},
		{"of a held release", func(_ *site, a *record.Approval) { a.Kind = record.AcceptSplit }, []string{incident, "autorollback release accept-split ranker"}, "autorollback rollback"},
		{"of a step", func(_ *site, a *record.Approval) { a.Kind, a.Incident = record.Promotion, "" }, []string{`<p class="subject">ranker</p>`, "autorollback release promote ranker"}, "/incidents/"},
		{"in a region", func(_ *site, a *record.Approval) { a.Region = "eu" }, []string{"ranker in eu", "rollback ranker --region eu"}, "default"},
		{"incident long gone", func(s *site, _ *record.Approval) { s.incidents = nil }, []string{"inc-1", "no longer in the store"}, "There is no such"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, signIn(t))
			a := s.approvals["ap-1"]
			a.ExpiresAt = time.Now().Add(-time.Hour)
			c.change(s, &a)
			s.approvals["ap-1"] = a
			w := s.ask("GET", "/approve/"+s.ring.Sign(a), "", as("alice"))
			page := w.Body.String()
			if w.Code != 410 || strings.Contains(page, "<form") {
				t.Errorf("answers %d: %s", w.Code, page)
			}
			for _, want := range c.says {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not say %q: %s", want, page)
				}
			}
			if strings.Contains(page, c.not) {
				t.Errorf("the page says %q: %s", c.not, page)
			}
			s.unchanged("opening the link")
		})
	}
}

// An expired link whose question has left the store still names what it was for, and one that the
// store does not answer for says no more than it knows.
func TestAnExpiredLinkWithoutItsQuestion(t *testing.T) {
	s := newSite(t, signIn(t))
	a := s.approvals["ap-1"]
	a.ExpiresAt = time.Now().Add(-100 * 24 * time.Hour)
	s.approvals = nil
	page := s.ask("GET", "/approve/"+s.ring.Sign(a), "", as("alice")).Body.String()
	if !strings.Contains(page, "inc-1") || strings.Contains(page, "Nobody answered") {
		t.Error(page)
	}
}

// Only our own signature makes a page name an incident: neither a forged expiry, nor another
// installation's key, nor a signature of ours for what the store has differently.
func TestAForgedExpiredLinkNamesNothing(t *testing.T) {
	s := newSite(t, signIn(t))
	a := s.approvals["ap-1"]
	a.ExpiresAt = time.Now().Add(-time.Hour)
	ours := s.ring.Sign(a)
	raw, err := base64.RawURLEncoding.DecodeString(ours)
	stranger, err2 := report.ParseKeyring([]byte(report.GenerateKey().Reveal()))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	other := a
	other.Incident, s.incidents["inc-2"] = "inc-2", s.incidents["inc-1"]
	forged := map[string]string{"another key": stranger.Sign(a), "another installation": s.ring.For("staging").Sign(a), "another incident": s.ring.Sign(other)}
	for i := range raw {
		raw[i] ^= 1
		forged[fmt.Sprintf("bit of byte %d", i)] = base64.RawURLEncoding.EncodeToString(raw)
		raw[i] ^= 1
	}
	for name, token := range forged {
		w := s.ask("GET", "/approve/"+token, "", as("alice"))
		for _, secret := range []string{"inc-1", "inc-2", "ranker", "has expired"} {
			if w.Code != 404 || strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s: answers %d: %s", name, w.Code, w.Body)
			}
		}
	}
	if w := s.ask("GET", "/approve/"+ours, "", as("alice")); w.Code != 410 {
		t.Errorf("the true one answers %d", w.Code)
	}
}

// Whatever else ends a question names its incident as well.
func TestALinkThatIsOverNamesItsIncident(t *testing.T) {
	for name, change := range map[string]func(*record.Approval){
		"expired":  func(a *record.Approval) { a.Status = record.Expired },
		"answered": func(a *record.Approval) { a.Status, a.By = record.Rejected, "bob" },
		"replaced": func(a *record.Approval) { a.Change = "sha256:new" },
		"stale":    nil,
	} {
		s := newSite(t, signIn(t))
		link := s.link()
		if change == nil {
			s.plan = "sha256:other"
		} else {
			a := s.approvals["ap-1"]
			change(&a)
			s.approvals["ap-1"] = a
		}
		if page := s.ask("GET", link, "", as("alice")).Body.String(); !strings.Contains(page, `<a href="/incidents/inc-1">`) || !strings.Contains(page, rollbackByHand) {
			t.Errorf("%s: %s", name, page)
		}
	}
}

// Who signed in is led to the question that waits instead; who holds the link alone is not.
func TestANewerQuestionIsALink(t *testing.T) {
	for _, c := range []struct {
		auth func(*testing.T) web.Auth
		show asks
		link bool
	}{{signIn, as("bob"), true}, {insecure, nothing, false}} {
		s := newSite(t, c.auth(t))
		old, newer, inc := s.approvals["ap-1"], s.approvals["ap-1"], s.incidents["inc-1"]
		old.Status, newer.ID, inc.Approval = record.Superseded, "ap-2", "ap-2"
		s.approvals["ap-1"], s.approvals["ap-2"], s.incidents["inc-1"] = old, newer, inc
		page := s.ask("GET", s.link(), "", c.show).Body.String()
		if !strings.Contains(page, "A newer question waits") || strings.Contains(page, `<a href="/approve/`+s.ring.Sign(newer)+`">Open it</a>`) != c.link {
			t.Errorf("want a link %t: %s", c.link, page)
		}
		newer.Status = record.Approved
		s.approvals["ap-2"] = newer
		if page := s.ask("GET", s.link(), "", c.show).Body.String(); strings.Contains(page, "/approve/") {
			t.Errorf("leads to a question that is over: %s", page)
		}
		s.unchanged("opening the link")
	}
}
