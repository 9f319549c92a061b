package web_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/web"
)

// A scanner opens links before people do, as mail gateways, chat previews and browsers that prefetch
// do: it keeps cookies, follows what leads to the same question, and presses Enter in fields.
type scanner struct {
	t      *testing.T
	client *http.Client
	show   asks
	tries  int
	close  int // pages with the button that approves
}

// send is one try.
func (s *scanner) send(method, address string, form url.Values, more ...asks) (int, string) {
	s.tries++
	body := io.Reader(http.NoBody)
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, body)
	if err != nil {
		s.t.Error(err)
		return 0, ""
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, m := range append(more, s.show) {
		m(r)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Error(err)
	}
	return resp.StatusCode, string(text)
}

// scan opens a page in every way, and goes on to what it links to on the same question.
func (s *scanner) scan(link string, junk string) {
	for _, address := range append([]string{link}, s.linked(link)...) {
		s.send(http.MethodHead, address, nil)
		s.send(http.MethodGet, address, nil, with("Sec-Purpose", "prefetch;prerender"), with("Purpose", "prefetch"))
		s.send(http.MethodOptions, address, nil)
		code, page := s.send(http.MethodGet, address, nil)
		if code != http.StatusOK {
			s.t.Errorf("%s answers %d", address, code)
		}
		s.enter(link, page, junk)
	}
}

// linked are the addresses of the same question that a page leads to.
func (s *scanner) linked(link string) (all []string) {
	_, page := s.send(http.MethodGet, link, nil)
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		s.t.Error(err)
		return nil
	}
	for n := range doc.Descendants() {
		if href := attr(n, "href"); n.Data == "a" && strings.HasPrefix(href, "?") {
			all = append(all, link+href)
		}
	}
	if len(all) != 2 {
		s.t.Errorf("the page leads to %v, want both answers", all)
	}
	return all
}

// enter presses Enter in each field of a page, filled with something, and on in what that leads to.
// A form without a field has nowhere to press it: there the scanner was one click away.
func (s *scanner) enter(link, page, junk string) {
	for _, f := range formsOf(s.t, page) {
		if len(f.reachable()) == 0 {
			s.close++
			continue
		}
		form := url.Values{f.buttons[0].name: {f.buttons[0].value}}
		for _, x := range f.fields {
			form.Set(x.name, x.value)
			if x.kind != "hidden" {
				form.Set(x.name, junk)
			}
		}
		_, next := s.send(http.MethodPost, link, form, with("Sec-Fetch-Site", "same-origin"))
		if strings.Contains(next, `value="approve"`) {
			s.enter(link, next, junk)
		}
	}
}

// Ten thousand tries of scanners that hold a link, of whoever has the link alone and of people who may
// approve: nothing is approved. A no is given only where all its fields were filled in as a person would.
func TestLinkScannersApproveNothing(t *testing.T) {
	tries := sim.Size(100_000, 10_000, 1_000)
	for _, by := range []struct {
		name string
		auth func(*testing.T) web.Auth
		show asks
	}{{"link only", insecure, nothing}, {"signed in", signIn, as("alice")}} {
		for _, q := range questions {
			t.Run(by.name+", "+q.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, by.auth(t))
				a := s.approvals["ap-1"]
				a.Kind = q.kind
				s.approvals["ap-1"], s.breach = a, q.state
				link := "http://" + serve(t, s, "") + s.link()
				jar, err := cookiejar.New(nil)
				if err != nil {
					t.Fatal(err)
				}
				client := scanner{t: t, client: &http.Client{Jar: jar}, show: by.show}
				filled := false
				for n := 0; client.tries < tries/len(questions)+1 && !t.Failed(); n++ {
					junk := []string{"", "test", "x@example.com", "ranker"}[n%4]
					client.scan(link, junk)
					filled = filled || junk == "ranker" || junk != "" && by.name == "signed in"
					for _, did := range s.done() {
						if !filled || !strings.HasPrefix(did, "rejected ") {
							t.Errorf("%q, after %d tries: %s", junk, client.tries, did)
						}
					}
					s.reopen()
				}
				if client.close == 0 {
					t.Error("no scanner was one click away from approving: the test does not go as far as it should")
				}
			})
		}
	}
}

// reopen has the question wait again.
func (s *site) reopen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.approvals["ap-1"]
	a.Status = record.Pending
	s.approvals["ap-1"] = a
}
