package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// byID are the elements of a page that have an id.
func byID(t *testing.T, page string) map[string]*html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*html.Node{}
	for n := range doc.Descendants() {
		if id := attr(n, "id"); id != "" {
			if all[id] != nil {
				t.Errorf("two elements are called %s", id)
			}
			all[id] = n
		}
	}
	return all
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// textOf is what a reader sees of an element.
func textOf(n *html.Node) string {
	text := ""
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text += d.Data
		}
	}
	return text
}

// A mistake costs nobody what they typed: the page comes back with it, the mistake stands beside
// its field and the field has the focus, without scripts.
func TestAMistakeKeepsWhatWasTyped(t *testing.T) {
	const evil = `"><script>alert(1)</script>{{.}}`
	typed := func(decision, service, reason, anyway string) url.Values {
		return url.Values{"decision": {decision}, "service": {service}, "reason": {reason}, "anyway": {anyway}}
	}
	for _, c := range []struct {
		name  string
		state record.State
		fails error
		form  url.Values
		code  int
		says  string
		focus string
		kept  map[string]string // by id
	}{
		{"reject, a typo", record.Breaching, nil, typed("reject", "rankr", `it is "known" & <b>fine</b>`, ""), 400, "Type the service's name", "reject-service",
			map[string]string{"reject-service": "rankr", "reason": `it is "known" & <b>fine</b>`, "approve-service": ""}},
		{"reject, no reason", record.Breaching, nil, typed("reject", "ranker", " ", ""), 409, "give a reason to reject", "reason",
			map[string]string{"reject-service": "ranker", "reason": "", "approve-service": ""}},
		{"continue, a typo", record.NotBreaching, nil, typed("confirm", "rank", "", "yes"), 400, "Type the service's name", "approve-service",
			map[string]string{"reject-service": "", "reason": "", "approve-service": "rank", "anyway": "checked"}},
		{"continue, no tick", record.NotBreaching, nil, typed("confirm", "ranker", "", ""), 409, "tick the box", "anyway",
			map[string]string{"reject-service": "", "reason": "", "approve-service": "ranker", "anyway": ""}},
		{"the store is away", record.Breaching, runbook.ErrLater, typed("reject", "ranker", "known", ""), 503, "Not now", "",
			map[string]string{"reject-service": "ranker", "reason": "known", "approve-service": ""}},
		{"an attack", record.Breaching, nil, typed("reject", evil, evil, ""), 400, "Type the service's name", "reject-service",
			map[string]string{"reject-service": evil, "reason": evil, "approve-service": ""}},
		{"no decision", record.Breaching, nil, typed("", "rank", "", ""), 400, "must be approve or reject", "",
			map[string]string{"reject-service": "", "reason": "", "approve-service": "rank"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ask(t, "rollback", c.state)
			s.fails = c.fails
			w := s.send(s.fill(s.link(), c.form, as("alice")))
			page := w.Body.String()
			if w.Code != c.code || strings.Contains(page, "<script") || strings.Contains(page, "<b>fine") {
				t.Fatalf("answers %d, want %d: %s", w.Code, c.code, page)
			}
			all := byID(t, page)
			for id, want := range c.kept {
				got := attr(all[id], "value")
				if id == "anyway" {
					got = map[bool]string{true: "checked"}[has(all[id], "checked")]
				}
				if got != want {
					t.Errorf("%s has %q, want %q", id, got, want)
				}
			}
			checkFocus(t, all, page, c.focus, c.says)
			s.unchanged(c.name)
		})
	}
}

// checkFocus looks for the one field that has the focus, and for its mistake beside it.
func checkFocus(t *testing.T, all map[string]*html.Node, page, focus, says string) {
	t.Helper()
	if strings.Count(page, `role="alert"`) != 1 || !strings.Contains(html.UnescapeString(page), says) {
		t.Errorf("the page does not say once %q: %s", says, page)
	}
	for id, n := range all {
		if has(n, "autofocus") != (id == focus) || (attr(n, "aria-invalid") == "true") != (id == focus) {
			t.Errorf("%s: autofocus %t, aria-invalid %q", id, has(n, "autofocus"), attr(n, "aria-invalid"))
		}
	}
	if focus == "" {
		return
	}
	beside := all[attr(all[focus], "aria-describedby")]
	if beside == nil || !strings.Contains(textOf(beside), says) || beside.Parent != all[focus].Parent && beside.Parent != all[focus].Parent.Parent {
		t.Errorf("%q does not stand beside %s: %s", says, focus, page)
	}
}

// What was typed can be sent again: only what was wrong is typed anew.
func TestACorrectedFormIsTaken(t *testing.T) {
	s := newSite(t, signIn(t))
	page := s.send(s.fill(s.link(), url.Values{"decision": {"reject"}, "service": {"rankr"}, "reason": {"it is known"}}, as("alice"))).Body.String()
	again := url.Values{}
	for _, x := range formsOf(t, page)[1].fields {
		again.Set(x.name, x.value)
	}
	again.Del("nonce") // fill has the browser's
	again.Set("decision", "reject")
	again.Set("service", "ranker")
	if w := s.send(s.fill(s.link(), again, as("alice"))); w.Code != http.StatusOK {
		t.Fatalf("answers %d: %s", w.Code, w.Body)
	}
	if want := "rejected ap-1 by alice (basic_auth): it is known"; !slices.Equal(s.done(), []string{want}) {
		t.Errorf("did %q, want %q", s.done(), want)
	}
}
