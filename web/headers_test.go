package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/autorollback/autorollback/web"
)

var hashed = regexp.MustCompile(`; script-src 'sha256-[A-Za-z0-9+/]{43}='$`)

// secured looks for the headers that every answer has, whatever it says.
func secured(t *testing.T, what, path string, h http.Header) {
	t.Helper()
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "style-src 'sha256-", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("%s: policy %q has no %s", what, csp, want)
		}
	}
	live := (path == "/" || strings.HasPrefix(path, "/?")) && strings.HasSuffix(csp, "; script-src 'self'; connect-src 'self'")
	ours := live || strings.HasPrefix(path, "/approve/") && hashed.MatchString(csp) // one script of its own, and no other
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") && !ours || len(h.Values("Content-Security-Policy")) != 1 {
		t.Errorf("%s: policy %q allows scripts", what, h.Values("Content-Security-Policy"))
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
	referrer := h.Get("Referrer-Policy")
	if keeps := referrer == "same-origin" && hasForm(path); referrer != "no-referrer" && !keeps {
		t.Errorf("%s: Referrer-Policy is %q", what, referrer)
	}
}

// hasForm reports whether a page has a form of ours that changes something.
func hasForm(path string) bool {
	return strings.HasPrefix(path, "/approve/") || strings.HasPrefix(path, "/services/") || path == "/control"
}

// visits are all ways in which somebody comes to a route, most of them to be refused.
var visits = []struct {
	name string
	auth func(*testing.T) web.Auth
	show asks
	code []int // none: the route's own
}{
	{"an administrator", signIn, as("alice"), nil},
	{"nobody", signIn, nothing, []int{401}},
	{"a wrong password", signIn, func(r *http.Request) { r.SetBasicAuth("alice", "x") }, []int{401, 429}},
	{"a name that nobody has", signIn, as("carol"), []int{401, 429}},
	{"nowhere to sign in", config(""), as("alice"), []int{403}},
	{"a broken web file", func(*testing.T) web.Auth { return web.Auth{ConfigFile: "none.yml"} }, as("alice"), []int{503}},
	{"an administrator, while the engine breaks", signIn, as("alice"), nil},
	{"a stranger's name for us", insecure, func(r *http.Request) { r.Host = "evil.example" }, []int{403}},
}

// twisted are changes of a request that the handler answers before any route, or by another one.
var twisted = map[string]asks{
	"as it is":          nothing,
	"HEAD":              func(r *http.Request) { r.Method = http.MethodHead },
	"OPTIONS":           func(r *http.Request) { r.Method = http.MethodOptions },
	"TRACE":             func(r *http.Request) { r.Method = http.MethodTrace },
	"DELETE":            func(r *http.Request) { r.Method = http.MethodDelete },
	"no such method":    func(r *http.Request) { r.Method = "BREW" },
	"from another site": with("Sec-Fetch-Site", "cross-site"),
	"from a neighbour":  with("Origin", "https://evil.example"),
	"a slash too many":  func(r *http.Request) { r.URL.Path = "/" + r.URL.Path },
	"a way around":      func(r *http.Request) { r.URL.Path = "/x/.." + r.URL.Path },
	"a slash behind":    func(r *http.Request) { r.URL.Path += "/" },
	"a name that none can be": func(r *http.Request) {
		r.URL.Path = strings.NewReplacer("ranker", "Ran ker", "inc-1", "INC", "ap-1", "AP", "sha256", "md5").Replace(r.URL.Path)
	},
	"a body that is too large": func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat(" ", 4<<20))), -1
	},
	"a body that is none":     func(r *http.Request) { r.Body = http.NoBody; r.Header.Del("Content-Type") },
	"a body that is nonsense": func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{%zz")); r.ContentLength = -1 },
}

// Every route of the table, however somebody comes and whatever the answer is, has the headers.
func TestEveryRouteIsSecured(t *testing.T) {
	codes := map[int]bool{}
	for _, v := range visits {
		t.Run(v.name, func(t *testing.T) {
			s := newSite(t, v.auth(t))
			for _, to := range web.Routes() {
				for twist, change := range twisted {
					fresh := newWorld()
					s.approvals, s.changes = fresh.approvals, nil
					r := s.request(to, v.show)
					if strings.HasSuffix(v.name, "breaks") {
						s.fails, s.unread = errors.New("the disk is full"), errors.New("the disk is full")
					}
					change(r)
					w := s.send(r)
					codes[w.Code] = true
					what := v.name + ": " + to.Method + " " + to.Path + ", " + twist
					secured(t, what, r.URL.Path, w.Header())
					if open := to.Need == "metrics"; twist == "as it is" && v.code != nil && !open && !slices.Contains(v.code, w.Code) {
						t.Errorf("%s answers %d, want one of %v", what, w.Code, v.code)
					}
				}
			}
		})
	}
	for _, code := range []int{200, 400, 401, 403, 404, 413, 415, 429, 500, 503} { // and no 405: what has no route is not found
		if !codes[code] {
			t.Errorf("nothing answered %d: the test does not walk what it should", code)
		}
	}
}

// The listener for metrics alone has them as well, for what it has and for what it has not.
func TestTheMetricsListenerIsSecured(t *testing.T) {
	s := newSite(t, signIn(t))
	s.deps.Registerer = prometheus.NewRegistry()
	alone := web.MetricsHandler(s.deps)
	for _, to := range web.Routes() {
		for _, show := range []asks{nothing, as("alice")} {
			r := s.request(to, show)
			w := httptest.NewRecorder()
			alone.ServeHTTP(w, r)
			secured(t, to.Method+" "+to.Path, r.URL.Path, w.Header())
			if to.Need != "metrics" && w.Code < 400 {
				t.Errorf("%s %s is answered there: %d", to.Method, to.Path, w.Code)
			}
		}
	}
}
