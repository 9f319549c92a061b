package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web"
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
	typed := func(decision, service, reason string) url.Values {
		return url.Values{"decision": {decision}, "service": {service}, "reason": {reason}}
	}
	for _, c := range []struct {
		name  string
		auth  func(*testing.T) web.Auth
		fails error
		form  url.Values
		code  int
		says  string
		focus string
		kept  map[string]string // by id
	}{
		{"reject, a typo", insecure, nil, typed("reject", "rankr", `it is "known" & <b>fine</b>`), 400, "Type the service's name", "service",
			map[string]string{"service": "rankr", "reason": `it is "known" & <b>fine</b>`}},
		{"reject, no reason", insecure, nil, typed("reject", "ranker", " "), 409, "Give a reason to reject", "reason", map[string]string{"service": "ranker", "reason": ""}},
		{"signed in, reject, no reason", signIn, nil, typed("reject", "ranker", " "), 409, "Give a reason to reject", "reason", map[string]string{"reason": ""}},
		{"continue, a typo", insecure, nil, typed("confirm", "rank", ""), 400, "Type the service's name", "service", map[string]string{"service": "rank"}},
		{"the store is away", insecure, runbook.ErrLater, typed("reject", "ranker", "known"), 503, "Not now", "", map[string]string{"service": "ranker", "reason": "known"}},
		{"signed in, the store is away", signIn, runbook.ErrLater, typed("reject", "ranker", "known"), 503, "Not now", "", map[string]string{"reason": "known"}},
		{"an attack", insecure, nil, typed("reject", evil, evil), 400, "Type the service's name", "service", map[string]string{"service": evil, "reason": evil}},
		{"no decision", insecure, nil, typed("", "rank", ""), 400, "must be approve or reject", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.auth(t))
			s.fails = c.fails
			show := nothing
			if s.deps.Auth.ConfigFile != "" {
				show = as("alice")
			}
			w := s.send(s.fill(s.link(), c.form, show))
			page := w.Body.String()
			if w.Code != c.code || strings.Contains(page, "<script>alert") || strings.Contains(page, "<b>fine") {
				t.Fatalf("answers %d, want %d: %s", w.Code, c.code, page)
			}
			all := byID(t, page)
			for id, want := range c.kept {
				if all[id] == nil || attr(all[id], "value") != want {
					t.Errorf("%s is not kept as %q: %s", id, want, page)
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
	s := newSite(t, insecure(t))
	page := s.send(s.fill(s.link(), url.Values{"decision": {"reject"}, "service": {"rankr"}, "reason": {"it is known"}})).Body.String()
	again := url.Values{}
	for _, x := range formsOf(t, page)[0].fields {
		again.Set(x.name, x.value)
	}
	again.Del("nonce") // fill has the browser's
	again.Set("decision", "reject")
	again.Set("service", "ranker")
	if w := s.send(s.fill(s.link(), again)); w.Code != http.StatusOK {
		t.Fatalf("answers %d: %s", w.Code, w.Body)
	}
	if want := "rejected ap-1 by holder of the link (link_only): it is known"; !slices.Equal(s.done(), []string{want}) {
		t.Errorf("did %q, want %q", s.done(), want)
	}
}
