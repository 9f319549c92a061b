package browser

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/test/sim"
)

// A scanner with a browser of its own opens what a link leads to, runs the page's scripts, and presses Enter in
// every field, empty and filled with something: it approves nothing, and answers nothing that it does not fill in
// as a person would. Ten thousand more tries without a browser are in package web.
func TestAScannersBrowserAnswersNothing(t *testing.T) {
	b := Start(t)
	for _, signIn := range []bool{false, true} {
		s, view := newSite(t, signIn), phone
		if signIn {
			view.Authorization = signedIn
		}
		entered := 0
		for _, id := range []string{"ap-rollback", "ap-quiet", "ap-promote", "ap-held"} {
			link := s.url + s.link(id)
			tab := b.Open(t, link, view)
			for range sim.Size(20, 2, 1) {
				for _, to := range []string{"", "?answer=yes", "?answer=no", "?answer=yes#service"} {
					for _, typed := range []string{"", "x"} {
						if signIn && typed != "" && to == "?answer=no" {
							continue // somebody who signed in and gives a reason for a no
						}
						entered += enterEverywhere(tab, link+to, typed)
						if a := s.question(id); a.Status != record.Pending {
							t.Fatalf("signed in %t, %s: Enter with %q answers: %s by %s", signIn, to, typed, a.Status, a.By)
						}
					}
				}
			}
			if said := tab.Said(); len(said) > 0 && !onlyRefusals(said) {
				t.Errorf("the browser says %v", said)
			}
		}
		if entered == 0 {
			t.Error("Enter was pressed in no field: the test does not go as far as it should")
		}
	}
}

// enterEverywhere presses Enter in each field of a page, opened anew for each, and returns how many there are.
func enterEverywhere(tab *Tab, address, typed string) int {
	tab.Go(address)
	fields := Ask[int](tab, `document.querySelectorAll("input:not([type=hidden])").length`)
	for n := range fields {
		tab.Go(address)
		Ask[bool](tab, fmt.Sprintf(`(document.querySelectorAll("input:not([type=hidden])")[%d].focus(), true)`, n))
		if typed != "" {
			tab.Press(strings.Split(typed, "")...)
		}
		tab.Press(EnterKey)
		tab.Settle()
	}
	return fields
}

// onlyRefusals reports whether the browser complains of nothing but pages that answer with a code of a refusal.
func onlyRefusals(said []string) bool {
	for _, line := range said {
		if !strings.Contains(line, "the server responded with a status of 4") {
			return false
		}
	}
	return true
}

// While a page is open it counts what is left, and how old its numbers are, in the words of the server. Without
// scripts it says both as they were when it was made.
func TestTheCountdownCounts(t *testing.T) {
	b, s := Start(t), newSite(t, false)
	link := s.url + s.link("ap-rollback")
	still := b.Open(t, link, View{Width: phone.Width, Height: phone.Height, NoScript: true})
	for _, what := range []string{"left", "age"} {
		made := fmt.Sprintf(`document.querySelector("[data-%s]")`, what)
		if n, word := Ask[string](still, made+".dataset."+what), Ask[string](still, made+".textContent"); !countedTogether([]string{n}, []string{word}, 1) {
			t.Errorf("without scripts %s s are written as %q", n, word)
		}
	}

	tab := b.Open(t, link, phone)
	spans := []string{"0", "9", "61", "600", "899", "3599", "3600", "4000", "86400"}
	for _, n := range spans { // the page counts whatever is marked
		Ask[bool](tab, `(document.querySelector("main").insertAdjacentHTML("beforeend", '<b class="made" data-age="`+n+`"></b>'), true)`)
	}
	const changed = `new Promise(done => { const e = document.querySelector(%q), was = e.textContent;
		const look = () => e.textContent !== was ? done(true) : requestAnimationFrame(look); look(); })`
	Ask[bool](tab, fmt.Sprintf(changed, ".made:last-child"))
	if words := Ask[[]string](tab, `[...document.querySelectorAll(".made")].map(e => e.textContent)`); !countedTogether(spans, words, 60) {
		t.Errorf("%v s are written as %v", spans, words)
	}
	for _, e := range []string{"[data-left]", "[data-age]"} {
		Ask[bool](tab, fmt.Sprintf(changed, e)) // which waits for as long as a step may take
	}
}

// countedTogether reports whether all words are what the server says of so many seconds, less than most later.
func countedTogether(seconds, words []string, most int) bool {
	for past := range most {
		all := len(words) == len(seconds)
		for n, word := range words {
			from, err := strconv.Atoi(seconds[n])
			all = all && err == nil && word == report.Span(time.Duration(from+past)*time.Second)
		}
		if all {
			return true
		}
	}
	return false
}
