package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/web"
)

const release = `
schema: 1
service: ranker
stable:
  version: v1
  bundle:
    schema: 1
    model: {image: "registry.example/ranker@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", registry: {kind: mlflow, name: ranker, version: "41"}}
    features: {encoder: "e1", pipeline: "git:0123456789abcdef0123456789abcdef01234567"}
    compatible: {encoders: [e1]}
candidate:
  version: v2
  bundle:
    schema: 1
    model: {image: "registry.example/ranker@sha256:1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", registry: {kind: mlflow, name: ranker, version: "42"}}
    features: {encoder: "e1", pipeline: "git:0123456789abcdef0123456789abcdef01234567"}
    compatible: {encoders: [e1]}
weight: 5
`

const reason = `{"reason":"it is slow"}`

// A route is one way in. change is the line that the world keeps if it is taken.
type route struct {
	method, path, body, change string
}

var reads = []route{
	{"GET", "/", "", ""},
	{"GET", "/live.js", "", ""},
	{"GET", "/records", "", ""},
	{"GET", "/?q=rank&team=x&state=waiting&page=7", "", ""},
	{"GET", "/incidents", "", ""},
	{"GET", "/incidents?q=rank&after=12.inc-1", "", ""},
	{"GET", "/control", "", ""},
	{"GET", "/services/ranker/default/promote", "", ""},
	{"GET", "/services/ranker/default/flip", "", ""},
	{"GET", "/services/ranker/default/hold", "", ""},
	{"GET", "/services/ranker/default/resume", "", ""},
	{"GET", "/services/ranker/default/rollback", "", ""},
	{"GET", "/icon.svg", "", ""},
	{"GET", "/metrics", "", ""},
	{"GET", "/-/healthy", "", ""},
	{"GET", "/-/ready", "", ""},
	{"GET", "/incidents/inc-1", "", ""},
	{"GET", "/why/ranker", "", ""},
	{"GET", "/why/ranker?trigger=errors", "", ""},
	{"GET", "/why/inc-1", "", ""},
	{"GET", "/api/v1/why/ranker", "", ""},
	{"GET", "/api/v1/why/inc-1", "", ""},
	{"GET", "/api/v1/status", "", ""},
	{"GET", "/api/v1/releases", "", ""},
	{"GET", "/api/v1/releases/ranker/default", "", ""},
	{"GET", "/api/v1/releases/ranker/default/recovery", "", ""},
	{"GET", "/api/v1/incidents", "", ""},
	{"GET", "/api/v1/incidents/inc-1", "", ""},
	{"GET", "/api/v1/incidents/inc-1/page", "", ""},
	{"GET", "/api/v1/approvals/ap-1", "", ""},
	{"GET", "/api/v1/control", "", ""},
	{"GET", "/api/v1/orders?service=ranker&by=alice&since=2026-11-20T00:00:00Z&limit=10", "", ""},
	{"GET", "/api/v1/flags/ranker/default?format=flagd", "", ""},
	{"GET", "/api/v1/shadow", "", ""},
	{"GET", "/api/v1/mirrors", "", ""},
	{"GET", "/api/v1/doctor", "", ""},
}

var orders = []route{
	{"POST", "/-/reload", "", "reload"},
	{"PUT", "/-/reload", "", "reload"},
	{"POST", "/api/v1/releases/ranker/default/rollback", reason, "rollback ranker/default by %: it is slow"},
	{"POST", "/api/v1/releases/ranker/default/release-hold", reason, "accept split ranker/default by %: it is slow"},
	{"POST", "/api/v1/releases/ranker/default/recovery", `{"reason":"it is slow","plan":"sha256:plan"}`, "recover ranker/default sha256:plan by %: it is slow"},
	{"POST", "/api/v1/releases/ranker/default/promote", `{}`, "promote ranker/default by %"},
	{"POST", "/api/v1/releases/ranker/default/flip", `{}`, "flip ranker/default by %"},
	{"POST", "/api/v1/releases/ranker/default/hold", reason, "stop ranker/default by %: it is slow"},
	{"POST", "/api/v1/releases/ranker/default/resume", reason, "resume ranker/default by %: it is slow"},
	{"POST", "/api/v1/quarantine/" + bundle + "/lift", reason, "lift " + bundle + " by %: it is slow"},
	{"POST", "/api/v1/shadow", `{"schema":"autorollback/shadow-gate/1","service":"ranker","verdict":"pass"}`, "shadow pass of ranker by %"},
	{"POST", "/api/v1/mirrors/ranker/default/start", `{"percent":10,"for":"1d"}`, "mirror ranker/default 10 % for 1d by %"},
	{"POST", "/api/v1/mirrors/ranker/default/stop", reason, "stop the mirror ranker/default by %: it is slow"},
	{"POST", "/api/v1/doctor/fire", `{}`, "fire"},
	{"PUT", "/api/v1/control", `{"mode":"observe","reason":"drill"}`, "control observe by %: drill"},
}

// person is a way to come: what the daemon is configured with, and what is shown.
type person struct {
	name string
	auth func(*testing.T) web.Auth
	show asks
	code int    // of orders
	by   string // if they are taken
}

func nothing(*http.Request) {}

func verified(cn string) asks {
	return func(r *http.Request) {
		cert := &x509.Certificate{Subject: pkix.Name{CommonName: cn}}
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}}}
	}
}

func shown(cn string) asks {
	return func(r *http.Request) { verified(cn)(r); r.TLS.VerifiedChains = nil }
}

func config(text string) func(*testing.T) web.Auth {
	return func(t *testing.T) web.Auth { return web.Auth{ConfigFile: write(t, text)} }
}

const certs = "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}"

func insecure(t *testing.T) web.Auth {
	external, err := url.Parse("https://rollback.example")
	if err != nil {
		t.Fatal(err)
	}
	return web.Auth{InsecureNoAuth: true, External: external}
}

var people = []person{
	{"nothing configured", config(""), nothing, 403, ""},
	{"nothing configured, password shown", config(""), as("alice"), 403, ""},
	{"nothing configured, certificate shown", config(""), verified("alice"), 403, ""},
	{"certificates of any CA", config("tls_server_config: {client_auth_type: RequireAndVerifyClientCert}"), verified("alice"), 403, ""},
	{"certificates not verified", config("tls_server_config: {client_auth_type: RequireAnyClientCert, client_ca_file: ca.pem}"), verified("alice"), 403, ""},
	{"no such file", func(*testing.T) web.Auth { return web.Auth{ConfigFile: "none.yml", InsecureNoAuth: true} }, as("alice"), 503, ""},
	{"passwords, signed in", signIn, as("alice"), 200, "alice"},
	{"passwords, other person", signIn, as("bob"), 200, "bob"},
	{"passwords, nobody", signIn, nothing, 401, ""},
	{"passwords, wrong one", signIn, func(r *http.Request) { r.SetBasicAuth("alice", "bob-secret") }, 401, ""},
	{"passwords, unknown name", signIn, as("carol"), 401, ""},
	{"passwords, certificate shown", signIn, verified("alice"), 401, ""},
	{"certificates, verified", config(certs), verified("alice"), 200, "alice"},
	{"certificates, not verified", config(certs), shown("alice"), 401, ""},
	{"certificates, password shown", config(certs), as("alice"), 401, ""},
	{"insecure", insecure, nothing, 200, "unauthenticated"},
	{"insecure, password shown", insecure, as("alice"), 200, "unauthenticated"},
	{"insecure, certificate shown", insecure, verified("alice"), 200, "unauthenticated"},
	{"insecure flag, but passwords", func(t *testing.T) web.Auth { a := signIn(t); a.InsecureNoAuth = true; return a }, nothing, 401, ""},
}

// TestWhoMayDoWhat is the table of every order by every person.
func TestWhoMayDoWhat(t *testing.T) {
	for _, p := range people {
		for _, o := range orders {
			t.Run(p.name+"/"+o.method+" "+o.path, func(t *testing.T) {
				s := newSite(t, p.auth(t))
				w := s.ask(o.method, o.path, o.body, p.show)
				if w.Code != p.code {
					t.Fatalf("answers %d (%s), want %d", w.Code, drain(w.Body), p.code)
				}
				if p.code != 200 {
					s.unchanged("refused")
					return
				}
				if want := strings.Replace(o.change, "by %", "by "+p.by, 1); !slices.Equal(s.done(), []string{want}) {
					t.Errorf("did %v, want %q", s.done(), want)
				}
			})
		}
	}
}

// TestReadsAndHeadChangeNothing: every path, read paths and order paths alike, by GET,
// HEAD and OPTIONS.
func TestReadsAndHeadChangeNothing(t *testing.T) {
	s := newSite(t, insecure(t))
	paths := []string{s.link(), "/api/v1/approvals/ap-1", "/api/v1/releases"}
	for _, r := range slices.Concat(reads, orders) {
		paths = append(paths, r.path)
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			if w := s.ask(method, path, ""); w.Code >= 500 {
				t.Errorf("%s %s answers %d", method, path, w.Code)
			}
		}
		s.unchanged(path)
	}
}

func TestReadsAnswer(t *testing.T) {
	s := newSite(t, signIn(t))
	for _, r := range reads {
		if w := s.ask(r.method, r.path, "", as("alice")); w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s answers %d: %s", r.path, w.Code, w.Body)
		}
	}
}

// TestHeaders: on every route, whatever the answer is, the sign-in's own included.
func TestHeaders(t *testing.T) {
	for name, show := range map[string]asks{"alice": as("alice"), "nobody": nothing, "wrong password": func(r *http.Request) { r.SetBasicAuth("alice", "x") }, "a name that nobody has": as("carol")} {
		t.Run(name, func(t *testing.T) { checkHeaders(t, newSite(t, signIn(t)), show) })
	}
	s := newSite(t, signIn(t))
	if csp := s.ask("GET", "/incidents/inc-1", "", as("alice")).Header().Get("Content-Security-Policy"); !strings.Contains(csp, "style-src "+report.StyleHash()+";") {
		t.Errorf("the incident page's own style is not allowed: %q", csp)
	}
}

func checkHeaders(t *testing.T, s *site, show asks) {
	all := slices.Concat(reads, orders, []route{
		{"GET", s.link(), "", ""}, {"POST", s.link(), "", ""}, {"GET", "/approve/nonsense", "", ""},
		{"GET", "/nothing", "", ""}, {"GET", "/api/v1/nothing", "", ""}, {"DELETE", "/api/v1/control", "", ""},
	})
	for _, r := range all {
		w := s.ask(r.method, r.path, r.body, show)
		h := w.Header()
		if signIn := h.Get("WWW-Authenticate"); (w.Code == 401) != (signIn == `Basic realm="autorollback"`) {
			t.Errorf("%s %s answers %d with WWW-Authenticate %q", r.method, r.path, w.Code, signIn)
		}
		secured(t, r.method+" "+r.path, r.path, h)
		referrer := "no-referrer"
		if hasForm(r.path) {
			referrer = "same-origin"
		}
		if got := h.Get("Referrer-Policy"); got != referrer {
			t.Errorf("%s %s: Referrer-Policy is %q, want %q", r.method, r.path, got, referrer)
		}
		if h.Get("Content-Type") == "" {
			t.Errorf("%s %s: no content type", r.method, r.path)
		}
	}
}

// TestOtherSites: a page of another site cannot use a signed-in browser.
func TestOtherSites(t *testing.T) {
	for name, from := range map[string]asks{
		"cross-site":    with("Sec-Fetch-Site", "cross-site"),
		"same-site":     with("Sec-Fetch-Site", "same-site"), // a neighbour's subdomain
		"old browser":   with("Origin", "https://evil.example"),
		"opaque origin": with("Origin", "null"),
	} {
		s := newSite(t, signIn(t))
		for _, o := range orders {
			w := s.ask(o.method, o.path, o.body, as("alice"), from)
			if w.Code != 403 || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %s %s answers %d with %v", name, o.method, o.path, w.Code, w.Header())
			}
		}
		r := s.fill(s.link(), nil, as("alice"))
		r.Header.Del("Sec-Fetch-Site")
		from(r)
		if w := s.send(r); w.Code != 403 {
			t.Errorf("%s: the form answers %d", name, w.Code)
		}
		s.unchanged(name)
	}
}

// TestRebinding: where nobody signs in, the daemon must be called by its name, by whatever route:
// a browser whose page a foreign site's name was pointed to us sends nothing that tells it apart.
func TestRebinding(t *testing.T) {
	for host, want := range map[string]bool{
		"evil.example": false, "evil.example:9095": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "rollback.example.evil.example": false,
		"localhost:9095": true, "LOCALHOST": true, "127.0.0.1:9095": true, "[::1]:9095": true, "autorollback:9095": true, "rollback.example": true, "Rollback.Example:443": true,
	} {
		s := newSite(t, insecure(t))
		for _, to := range web.Routes() {
			for _, from := range []asks{nothing, with("Sec-Fetch-Site", "same-origin"), as("alice")} {
				called := func(r *http.Request) { from(r); r.Host = host }
				if got := s.call(to, called); got != want && !(want && to.Need == policy.Approve) {
					t.Errorf("%s: %s %s: let in %t, want %t", host, to.Method, to.Path, got, want)
				}
			}
		}
		closed := siteOf(t, web.Auth{External: insecure(t).External})
		if w := closed.ask("GET", "/metrics", "", func(r *http.Request) { r.Host = host }); (w.Code == 200) != want {
			t.Errorf("%s: without the flag /metrics answers %d", host, w.Code)
		}
	}
	s := newSite(t, signIn(t)) // where people sign in, the name is free: a page elsewhere has no password
	if w := s.ask("GET", "/api/v1/status", "", as("alice"), func(r *http.Request) { r.Host = "evil.example" }); w.Code != 200 {
		t.Errorf("answers %d", w.Code)
	}
}
