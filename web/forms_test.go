package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/web"
)

// A form is what a browser makes of one: its fields, and the buttons that send it.
type form struct {
	fields  []field
	buttons []field
}

type field struct{ kind, name, value string }

// reachable are the fields in which somebody can press Enter.
func (f form) reachable() []field {
	return slices.DeleteFunc(slices.Clone(f.fields), func(x field) bool { return x.kind == "hidden" })
}

// formsOf are the forms of a page. Buttons outside a form, and fields that name one, are
// refused: what they send cannot be seen here.
func formsOf(t *testing.T, page string) []form {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var forms []form
	var walk func(n *html.Node, inside bool)
	walk = func(n *html.Node, inside bool) {
		switch n.Data {
		case "form":
			forms, inside = append(forms, form{}), true
		case "input", "textarea", "select", "button":
			if !inside || attr(n, "form") != "" || attr(n, "formaction") != "" {
				t.Fatalf("<%s name=%q> is outside the form that it sends", n.Data, attr(n, "name"))
			}
			f := &forms[len(forms)-1]
			x := field{attr(n, "type"), attr(n, "name"), attr(n, "value")}
			if n.Data == "button" || x.kind == "submit" || x.kind == "image" {
				f.buttons = append(f.buttons, x)
			} else {
				f.fields = append(f.fields, x)
			}
		}
		for c := range n.ChildNodes() {
			walk(c, inside)
		}
	}
	walk(doc, false)
	return forms
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// press sends a form as a browser does: filled in with everything that an approval or a
// rejection takes, by its first button.
func (s *site) press(f form, reason string, show asks) *httptest.ResponseRecorder {
	s.t.Helper()
	values := url.Values{}
	for _, x := range f.fields {
		switch {
		case x.name == "nonce": // fill has the browser's
		case x.kind == "hidden" || x.kind == "checkbox":
			values.Set(x.name, x.value)
		case x.name == "reason":
			values.Set(x.name, reason)
		default:
			values.Set(x.name, "ranker")
		}
	}
	values.Set(f.buttons[0].name, f.buttons[0].value)
	return s.send(s.fill(s.link(), values, show))
}

var questions = []struct {
	name, kind string
	state      record.State
}{
	{"roll back", "rollback", record.Breaching},
	{"roll back, quiet", "rollback", record.NotBreaching},
	{"roll back, no data", "rollback", record.NoData},
	{"roll back, Prometheus away", "rollback", record.Unreachable},
	{"take the step", "promote", record.NotBreaching},
	{"let it go on", "release_hold", record.NotBreaching},
}

func ask(t *testing.T, kind string, state record.State) *site {
	t.Helper()
	s := newSite(t, signIn(t))
	a := s.approvals["ap-1"]
	a.Kind = kind
	s.approvals["ap-1"], s.breach = a, state
	return s
}

// Every page, whatever it asks, holds to one rule: a form has one button, and one that
// approves stands alone.
func TestAFormHasOneButtonAndApprovingHasNoField(t *testing.T) {
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			s := ask(t, q.kind, q.state)
			named := url.Values{"decision": {"confirm"}, "anyway": {"yes"}}
			for page, w := range map[string]*httptest.ResponseRecorder{
				"dashboard":      s.ask(http.MethodGet, "/", "", as("alice")),
				"incident":       s.ask(http.MethodGet, "/incidents/inc-1", "", as("alice")),
				"no page":        s.ask(http.MethodGet, "/nothing", "", as("alice")),
				"question":       s.ask(http.MethodGet, s.link(), "", as("alice")),
				"yes":            s.ask(http.MethodGet, s.link()+"?answer=yes", "", as("alice")),
				"no":             s.ask(http.MethodGet, s.link()+"?answer=no", "", as("alice")),
				"confirm":        s.send(s.fill(s.link(), named, as("alice"))),
				"wrong name":     s.send(s.fill(s.link(), url.Values{"decision": {"confirm"}, "service": {"x"}}, as("alice"))),
				"without reason": s.send(s.fill(s.link(), url.Values{"decision": {"reject"}}, as("alice"))),
				"wrong decision": s.send(s.fill(s.link(), url.Values{"decision": {"x"}}, as("alice"))),
			} {
				for _, f := range formsOf(t, w.Body.String()) {
					if len(f.buttons) != 1 {
						t.Errorf("%s: a form has the buttons %v, want one", page, f.buttons)
					}
					approves := slices.ContainsFunc(f.buttons, func(b field) bool { return b.value == "approve" })
					if approves && len(f.reachable()) > 0 {
						t.Errorf("%s: Enter in %v approves", page, f.reachable())
					}
				}
			}
			s.unchanged("looking at the pages")
		})
	}
}

// Enter in any field of the page rejects, or leads to the page that asks once more.
func TestEnterNeverApproves(t *testing.T) {
	const why = "do not roll back"
	for _, q := range questions {
		for _, by := range []struct {
			auth func(*testing.T) web.Auth
			show asks
			name string
		}{{signIn, as("alice"), "alice (basic_auth)"}, {insecure, nothing, "holder of the link (link_only)"}} {
			t.Run(q.name+", "+by.name, func(t *testing.T) {
				fresh := func() *site {
					s := newSite(t, by.auth(t))
					a := s.approvals["ap-1"]
					a.Kind = q.kind
					s.approvals["ap-1"], s.breach = a, q.state
					return s
				}
				s := fresh()
				last := formsOf(t, s.ask(http.MethodGet, s.link()+"?answer=yes", "", by.show).Body.String())
				if len(last) == 1 && len(last[0].reachable()) > 0 {
					last = formsOf(t, s.press(last[0], why, by.show).Body.String())
				}
				s.unchanged("Enter in what leads to a yes")
				if len(last) != 1 || len(last[0].reachable()) != 0 || last[0].buttons[0].value != "approve" {
					t.Fatalf("does not ask once more: %v", last)
				}
				no := formsOf(t, s.ask(http.MethodGet, s.link()+"?answer=no", "", by.show).Body.String())
				if w := s.press(no[0], why, by.show); w.Code != http.StatusOK {
					t.Errorf("reject answers %d: %s", w.Code, w.Body)
				}
				if want := "rejected ap-1 by " + by.name + ": " + why; !slices.Equal(s.done(), []string{want}) {
					t.Errorf("did %q, want %q", s.done(), want)
				}

				again := fresh()
				again.press(last[0], "", by.show)
				if want := "approved ap-1 by " + by.name + ": "; !slices.Equal(again.done(), []string{want}) {
					t.Errorf("the button of the last page did %q, want %q", again.done(), want)
				}
			})
		}
	}
}

// The page in between judges like the last one, and a click on it counts only if it
// still holds then.
func TestAskedOnceMore(t *testing.T) {
	confirm := url.Values{"decision": {"confirm"}}
	for _, c := range []struct {
		name string
		set  func(*site)
		form url.Values
		who  []asks
		code int
		says string
	}{
		{"named", nil, confirm, []asks{as("alice")}, 200, "Nothing is done yet"},
		{"wrong name", nil, url.Values{"decision": {"confirm"}, "service": {"rank"}}, []asks{as("alice")}, 400, "Type the service"},
		{"no nonce", nil, url.Values{"decision": {"confirm"}, "nonce": {""}}, []asks{as("alice")}, 403, "This form is not ours"},
		{"nobody", nil, confirm, nil, 401, "sign in first"},
		{"not an approver", nil, confirm, []asks{as("bob")}, 403, "not among the approvers"},
		{"quiet", func(s *site) { s.breach = record.NotBreaching }, confirm, []asks{as("alice")}, 200, "Roll back anyway"},
		{"another plan", func(s *site) { s.plan = "sha256:other" }, confirm, []asks{as("alice")}, 409, "The plan has changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, signIn(t))
			if c.set != nil {
				c.set(s)
			}
			w := s.send(s.fill(s.link(), c.form, c.who...))
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("answers %d, want %d with %q: %s", w.Code, c.code, c.says, w.Body)
			}
			s.unchanged(c.name)
		})
	}
	t.Run("gone quiet in between", func(t *testing.T) {
		s := newSite(t, signIn(t))
		last := formsOf(t, s.send(s.fill(s.link(), confirm, as("alice"))).Body.String())[0]
		s.breach = record.NotBreaching
		if w := s.press(last, "", as("alice")); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "Roll back anyway?") || !strings.Contains(w.Body.String(), `name="anyway" value="yes"`) {
			t.Errorf("answers %d: %s", w.Code, w.Body)
		}
		s.unchanged("a click on a page that is over")
	})
}
