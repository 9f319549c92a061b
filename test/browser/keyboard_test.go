package browser

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What a person does at a question, with nothing but a keyboard.

// choose presses one of the question's two buttons, and comes to its form.
func choose(tab *Tab, answer string) int64 {
	tab.Reach(`nav.answers a[href="?answer=` + answer + `"]`)
	return tab.Follow(EnterKey)
}

// name types the service's name where it is asked for: by whoever holds the link alone.
func name(tab *Tab) bool {
	asked := Ask[bool](tab, `document.querySelector("#service") !== null`)
	if asked {
		tab.Reach("#service")
		tab.Press(strings.Split("ranker", "")...)
	}
	return asked
}

// confirm comes to the last button.
func confirm(tab *Tab) int64 {
	code := choose(tab, "yes")
	if name(tab) {
		tab.Reach(`button[value="confirm"]`)
		code = tab.Follow(SpaceKey)
	}
	return code
}

func approve(tab *Tab) int64 {
	confirm(tab)
	tab.Reach(`button[value="approve"]`)
	return tab.Follow(EnterKey)
}

func reject(tab *Tab) int64 {
	choose(tab, "no")
	name(tab)
	tab.Reach("#reason")
	tab.Press(strings.Split("it is a drill", "")...)
	tab.Reach(`button[value="reject"]`)
	return tab.Follow(EnterKey)
}

// mistake names the service wrongly.
func mistake(tab *Tab) int64 {
	choose(tab, "yes")
	tab.Reach("#service")
	tab.Press("x")
	return tab.Follow(EnterKey)
}

// unreasoned gives a no without a reason that can be read.
func unreasoned(tab *Tab) int64 {
	choose(tab, "no")
	tab.Reach("#reason")
	tab.Press(SpaceKey)
	return tab.Follow(EnterKey)
}

// give gives the order of a page, with a reason.
func give(tab *Tab) int64 {
	tab.Reach("#reason")
	tab.Press(strings.Split("it is a drill", "")...)
	tab.Reach("form button")
	return tab.Follow(EnterKey)
}

// staleOrder gives it after the plan has changed.
func staleOrder(tab *Tab) int64 {
	Ask[struct{}](tab, `document.querySelector("[name=plan]").value = "sha256:another", void 0`)
	return give(tab)
}

// A question is answered by keyboard alone, with scripts and without, by whoever signed in and by whoever has
// the link.
func TestKeyboardAnswers(t *testing.T) {
	b := Start(t)
	for _, way := range []struct {
		name     string
		do       func(*Tab) int64
		signIn   bool
		noScript bool
		want     record.ApprovalStatus
		by       string
	}{
		{"yes, signed in", approve, true, false, record.Approved, "ann"},
		{"yes, signed in, without scripts", approve, true, true, record.Approved, "ann"},
		{"yes, by link", approve, false, false, record.Approved, "holder of the link"},
		{"no, signed in", reject, true, false, record.Rejected, "ann"},
		{"no, by link, without scripts", reject, false, true, record.Rejected, "holder of the link"},
		{"only named", confirm, true, false, record.Pending, ""},
		{"only named, by link", confirm, false, false, record.Pending, ""},
		{"named wrongly", mistake, false, false, record.Pending, ""},
		{"no, without a reason", unreasoned, true, false, record.Pending, ""},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s, view := newSite(t, way.signIn), phone
			view.NoScript = way.noScript
			if way.signIn {
				view.Authorization = signedIn
			}
			way.do(b.Open(t, s.url+s.link("ap-rollback"), view))
			if a := s.question("ap-rollback"); a.Status != way.want || a.By != way.by {
				t.Errorf("it is %s by %q, want %s by %q", a.Status, a.By, way.want, way.by)
			}
		})
	}
}

// An order of the dashboard is found, confirmed and given by keyboard alone.
func TestKeyboardOrders(t *testing.T) {
	s, view := newSite(t, true), phone
	view.Authorization = signedIn
	tab := Start(t).Open(t, s.url, view)
	tab.Reach("#card-ranker-default-rollback")
	tab.Follow(EnterKey)
	if acted, _ := s.given(); len(acted) > 0 {
		t.Fatalf("a link gives an order: %v", acted)
	}
	give(tab)
	if acted, _ := s.given(); len(acted) != 1 || acted[0].Action != record.OrderRollback || acted[0].Reason != "it is a drill" {
		t.Errorf("given is %+v", acted)
	}
	tab.Go(s.url)
	tab.Reach("#switch")
	tab.Follow(EnterKey)
	give(tab)
	if _, switched := s.given(); len(switched) != 1 || switched[0].Mode != runbook.Paused {
		t.Errorf("switched is %+v", switched)
	}
}

// Enter, in whatever has the focus, answers nothing before the service's name was typed or, by somebody who
// signed in, the second of two buttons pressed.
func TestEnterAloneAnswersNothing(t *testing.T) {
	b := Start(t)
	for _, p := range []struct {
		name, query string
		signIn      bool
	}{{"by link", "", false}, {"by link, yes", "?answer=yes", false}, {"by link, no", "?answer=no", false}, {"signed in", "", true}, {"signed in, no", "?answer=no", true}} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s, view := newSite(t, p.signIn), phone
			if p.signIn {
				view.Authorization = signedIn
			}
			link := s.url + s.link("ap-rollback") + p.query
			tab := b.Open(t, link, view)
			for n := range len(tab.Controls()) {
				tab.Go(link)
				for range n + 1 {
					tab.Press(TabKey)
				}
				tab.Press(EnterKey)
				tab.Settle()
				if a := s.question("ap-rollback"); a.Status != record.Pending {
					t.Fatalf("Enter at control %d answers: %s by %s", n+1, a.Status, a.By)
				}
			}
		})
	}
	s, view := newSite(t, true), phone // what the loop waits for would be seen
	view.Authorization = signedIn
	tab := b.Open(t, s.url+s.link("ap-rollback"), view)
	confirm(tab)
	tab.Reach(`button[value="approve"]`)
	tab.Press(EnterKey)
	tab.Settle()
	if a := s.question("ap-rollback"); a.Status != record.Approved {
		t.Errorf("the last button leaves it %s: the loop above sees nothing", a.Status)
	}
}
