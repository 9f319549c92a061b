package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/golden"
	"github.com/autorollback/autorollback/web"
)

// A subject is somebody who may sign in, with what they are to be let into: for each role whether
// they may do what needs it, for the service ranker.
type subject struct {
	name, column string
	may          string // letters of the roles: m v o a d
}

var subjects = []subject{
	{"sam", "signed in, named nowhere", ""},
	{"prom", "metrics", "m"},
	{"vera", "view", "mv"},
	{"otto", "operate", "mvo"},
	{"anna", "approve", "mva"},
	{"dora", "admin", "mvd"},
	{"olaf", "`operators` of the runbook", "mvo"},
	{"arno", "`approvers` of the runbook", "mva"},
	{"sven", "`operators` of another runbook", "mv"},
	{"sara", "`approvers` of another runbook", "mv"},
}

var letters = map[policy.Role]string{policy.Metrics: "m", policy.View: "v", policy.Operate: "o", policy.Approve: "a", policy.Admin: "d"}

const rolesOfAll = "roles: {metrics: [prom], view: [vera], operate: [otto], approve: [anna], admin: [dora]}\n"

const proxyToken = "a-token-of-the-proxy-that-is-long-enough"

// byProxy is a request as the trusted proxy sends it.
func byProxy(name string) asks {
	return func(r *http.Request) {
		r.RemoteAddr = "192.0.2.7:4711"
		r.Header.Set("X-Autorollback-Proxy-Authorization", "Bearer "+proxyToken)
		r.Header.Set("X-Forwarded-User", name)
	}
}

const trustedProxy = "trusted_proxy: {addresses: [192.0.2.7], user_header: X-Forwarded-User, token_file: proxy.token}\n"

// rolesFile writes a roles file, with the proxy's token beside it.
func rolesFile(t *testing.T, text string) string {
	t.Helper()
	path := write(t, text)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "proxy.token"), []byte(proxyToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ways are all ways to sign in.
var ways = []struct {
	name string
	auth func(t *testing.T) web.Auth
	show func(name string) asks
}{
	{record.BasicAuth, func(t *testing.T) web.Auth {
		text := "basic_auth_users:\n"
		for _, s := range subjects {
			text += "  " + s.name + ": " + hashOf(s.name) + "\n"
		}
		return web.Auth{ConfigFile: write(t, text), RolesFile: rolesFile(t, rolesOfAll)}
	}, as},
	{record.ClientCertificate, func(t *testing.T) web.Auth {
		return web.Auth{ConfigFile: write(t, certs), RolesFile: rolesFile(t, rolesOfAll)}
	}, verified},
	{record.ProxyHeader, func(t *testing.T) web.Auth {
		return web.Auth{RolesFile: rolesFile(t, rolesOfAll+trustedProxy)}
	}, byProxy},
}

// bodies are what is sent to a route that changes something; GET needs none.
var bodies = map[string]string{
	"POST /-/reload": "", "PUT /-/reload": "", "POST /approve/{token}": "form",
	"POST /services/{service}/{region}/{order}": "form", "POST /control": "form",
	"POST /api/v1/releases": release, "POST /api/v1/releases/{service}/rollback": reason,
	"POST /api/v1/releases/{service}/{region}/rollback": reason, "POST /api/v1/releases/{service}/{region}/promote": `{}`,
	"POST /api/v1/releases/{service}/{region}/flip": `{}`, "POST /api/v1/releases/{service}/{region}/hold": reason,
	"POST /api/v1/releases/{service}/{region}/resume": reason, "POST /api/v1/releases/{service}/{region}/release-hold": reason,
	"POST /api/v1/mirrors/{service}/{region}/start": `{"percent":10,"for":"1d"}`, "POST /api/v1/mirrors/{service}/{region}/stop": reason,
	"POST /api/v1/approvals/{id}": `{"decision":"approve","service":"ranker"}`, "PUT /api/v1/control": `{"mode":"observe","reason":"drill"}`,
	"POST /api/v1/quarantine/{digest}/lift": reason, "POST /api/v1/doctor/fire": `{}`,
	"POST /api/v1/releases/{service}/{region}/recovery": `{"reason":"it is slow","plan":"sha256:plan"}`,
	"POST /api/v1/shadow":                               `{"schema":"autorollback/shadow-gate/1","service":"ranker","verdict":"pass"}`,
}

// request is one to a route, as somebody who may call it would send it.
func (s *site) request(to web.Route, show asks) *http.Request {
	s.t.Helper()
	id := "inc-1"
	if strings.Contains(to.Path, "approvals") {
		id = "ap-1"
	}
	path := strings.NewReplacer("{$}", "", "{service}", "ranker", "{region}", "default", "{order}", "rollback", "{id}", id, "{digest}", bundle, "{token}", s.token()).Replace(to.Path)
	key := to.Method + " " + to.Path
	body, changes := bodies[key]
	switch {
	case to.Method == "":
		return s.built("DELETE", path+"nothing", "", show)
	case to.Method == http.MethodGet:
		return s.built(to.Method, path, "", show)
	case !changes:
		s.t.Fatalf("%s is new: say in bodies what is sent to it", key)
	case body == "form":
		return s.fill(path, url.Values{}, show)
	case body == release:
		return s.built(to.Method, path, body, with("Content-Type", "application/yaml"), show)
	}
	return s.built(to.Method, path, body, show)
}

func (s *site) built(method, path, body string, more ...asks) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "rollback.example"
	r.Header.Set("Content-Type", "application/json")
	for _, m := range more {
		m(r)
	}
	return r
}

// call sends a request to a route of a world as it was at first, and reports whether it was let in.
func (s *site) call(to web.Route, show asks) bool {
	s.t.Helper()
	fresh := newWorld()
	s.approvals, s.changes = fresh.approvals, nil
	w := s.send(s.request(to, show))
	refused := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
	changed := len(s.done()) > 0
	switch order := to.Method == "POST" || to.Method == "PUT"; {
	case refused && changed:
		s.t.Errorf("%s %s answers %d and changed %v", to.Method, to.Path, w.Code, s.done())
	case !refused && w.Code != 200 && to.Method != "":
		s.t.Errorf("%s %s answers %d: %s", to.Method, to.Path, w.Code, w.Body)
	case !refused && order != changed:
		s.t.Errorf("%s %s changed %v", to.Method, to.Path, s.done())
	}
	return !refused
}

// TestRoutesAndRoles walks every route, as everybody, by every way to sign in; docs/roles.md
// has what came of it.
func TestRoutesAndRoles(t *testing.T) {
	let := map[string][]string{} // by route: who was let in, by the first way
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			for _, who := range subjects {
				s := siteOf(t, way.auth(t))
				s.approvers, s.operators = []string{"arno"}, []string{"olaf"}
				for _, to := range web.Routes() {
					got := s.call(to, way.show(who.name))
					if want := strings.Contains(who.may, letters[to.Need]) && letters[to.Need] != ""; got != want {
						t.Errorf("%s (%s) by %s at %s %s, which takes %s: let in %t", who.name, who.column, way.name, to.Method, to.Path, to.Need, got)
					}
					if got && way.name == record.BasicAuth {
						let[to.Method+to.Path] = append(let[to.Method+to.Path], who.name)
					}
				}
			}
			s := siteOf(t, way.auth(t))
			for _, to := range web.Routes() {
				if s.call(to, nothing) {
					t.Errorf("nobody is let in at %s %s by %s", to.Method, to.Path, way.name)
				}
			}
		})
	}
	if !t.Failed() {
		writeMatrix(t, let)
	}
}

// writeMatrix puts the table into docs/roles.md.
func writeMatrix(t *testing.T, let map[string][]string) {
	t.Helper()
	var table bytes.Buffer
	fmt.Fprint(&table, "| route | role |")
	for _, who := range subjects[1:8] {
		fmt.Fprintf(&table, " %s |", who.column)
	}
	fmt.Fprintf(&table, "\n|---|---|%s\n", strings.Repeat("---|", 7))
	for _, to := range web.Routes() {
		method := to.Method
		if method == "" {
			method = "any other"
		}
		fmt.Fprintf(&table, "| `%s %s` | %s |", method, to.Path, to.Need)
		for _, who := range subjects[1:8] {
			mark := "–"
			if slices.Contains(let[to.Method+to.Path], who.name) {
				mark = "yes"
			}
			fmt.Fprintf(&table, " %s |", mark)
		}
		table.WriteString("\n")
	}
	const from, to = "<!-- made by go test ./web -run TestRoutesAndRoles -update -->\n", "<!-- end -->\n"
	page, err := os.ReadFile("../docs/roles.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(page, []byte(from))
	_, tail, also := bytes.Cut(rest, []byte(to))
	if !ok || !also {
		t.Fatalf("docs/roles.md has no place for the table")
	}
	golden.Equal(t, "../../docs/roles.md", slices.Concat(head, []byte(from), table.Bytes(), []byte(to), tail))
}

// Where nobody can sign in: with the flag everything is open to whoever calls the daemon by its
// name; without it, what Prometheus and probes need.
func TestWhereNobodyCanSignIn(t *testing.T) {
	for name, auth := range map[string]web.Auth{
		"nothing":             {},
		"a roles file":        {RolesFile: rolesFile(t, rolesOfAll)},
		"the flag and a file": {RolesFile: rolesFile(t, rolesOfAll), InsecureNoAuth: true},
		"the flag":            insecure(t),
	} {
		t.Run(name, func(t *testing.T) {
			auth.External = insecure(t).External
			s := siteOf(t, auth)
			for _, to := range web.Routes() {
				if to.Need == policy.Approve {
					continue // holding the link is another question, see TestAnswerByAPI
				}
				open := name == "the flag" || to.Need == policy.Metrics
				for _, who := range []asks{nothing, as("dora"), verified("dora"), byProxy("dora"), with("X-Forwarded-User", "dora")} {
					if got := s.call(to, who); got != open {
						t.Errorf("%s %s: let in %t", to.Method, to.Path, got)
					}
				}
			}
		})
	}
}

// Without a roles file whoever signs in may look, and runbooks name the people of their services.
func TestWithoutARolesFile(t *testing.T) {
	may := map[string]string{"olaf": "mvo", "arno": "mva"}
	for _, who := range subjects {
		auth := ways[0].auth(t)
		auth.RolesFile = ""
		s := siteOf(t, auth)
		s.approvers, s.operators = []string{"arno"}, []string{"olaf"}
		for _, to := range web.Routes() {
			want := "mv"
			if more, ok := may[who.name]; ok {
				want = more
			}
			if got := s.call(to, as(who.name)); got != strings.Contains(want, letters[to.Need]) {
				t.Errorf("%s at %s %s: let in %t", who.name, to.Method, to.Path, got)
			}
		}
	}
}

// Every route has one of the five roles, and what it is needed for is written down once.
func TestEveryRouteHasARole(t *testing.T) {
	seen := map[string]bool{}
	for _, to := range web.Routes() {
		if letters[to.Need] == "" {
			t.Errorf("%s %s has the role %q", to.Method, to.Path, to.Need)
		}
		if key := to.Method + " " + to.Path; seen[key] {
			t.Errorf("%s is there twice", key)
		} else {
			seen[key] = true
		}
		if changes := to.Method != "GET" && to.Method != ""; changes && (to.Need == policy.View || to.Need == policy.Metrics) {
			t.Errorf("%s %s changes something for whoever may look", to.Method, to.Path)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d routes", len(seen))
	}
}

// No route is registered but from the table.
func TestOnlyTheTableRegistersRoutes(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		n := strings.Count(string(text), ".Handle(") + strings.Count(string(text), ".HandleFunc(") + strings.Count(string(text), "NewServeMux(")
		if seen += n; n > 0 && file != "routes.go" {
			t.Errorf("%s registers routes of its own", file)
		}
	}
	if seen != 2 {
		t.Errorf("%d places, want the mux and the one that fills it", seen)
	}
}

// A release file names its service in the body: an operator of one service starts no other's.
func TestOperatorsOfARunbookStartTheirOwnServiceOnly(t *testing.T) {
	s := siteOf(t, ways[0].auth(t))
	s.operators = []string{"olaf"}
	yaml := with("Content-Type", "application/yaml")
	if w := s.ask("POST", "/api/v1/releases", release, yaml, as("olaf")); w.Code != 200 {
		t.Errorf("their own: %d %s", w.Code, w.Body)
	}
	w := s.ask("POST", "/api/v1/releases", strings.Replace(release, "service: ranker", "service: search", 1), yaml, as("olaf"))
	if w.Code != 403 || !strings.Contains(w.Body.String(), "no policy.operators of a runbook names olaf for search") {
		t.Errorf("another's: %d %s", w.Code, w.Body)
	}
	if !slices.Equal(s.done(), []string{"start ranker by olaf"}) {
		t.Errorf("did %v", s.done())
	}
}

// What the roles file gives counts from the next request on, and a mistake in it changes nothing.
func TestRolesAreReadAtEveryRequest(t *testing.T) {
	auth := ways[0].auth(t)
	s := siteOf(t, auth)
	pause := func() int { return s.ask("PUT", "/api/v1/control", `{"mode":"observe"}`, as("otto")).Code }
	for i, c := range []struct {
		text string
		code int
	}{
		{rolesOfAll, 403},
		{"roles: {admin: [otto]}\n", 200},
		{"roles: {admin: [otto", 200},
		{"roles: {admin: [dora]}\n", 403},
		{"roles: {admin: [otto], root: [otto]}\n", 403},
		{"", 403},
	} {
		if err := os.WriteFile(auth.RolesFile, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := pause(); got != c.code {
			t.Errorf("%d: with %q it answers %d, want %d", i, c.text, got, c.code)
		}
	}
	if err := os.Remove(auth.RolesFile); err != nil {
		t.Fatal(err)
	}
	if got := pause(); got != 403 {
		t.Errorf("without the file: %d", got)
	}
}

// Who gives an order, how, from where and by which role goes with it.
func TestTheCallerGoesWithTheOrder(t *testing.T) {
	for way, want := range map[int]record.Caller{
		0: {Name: "dora", How: record.BasicAuth, From: "192.0.2.1", Role: "admin"},
		1: {Name: "dora", How: record.ClientCertificate, From: "192.0.2.1", Role: "admin"},
		2: {Name: "dora", How: record.ProxyHeader, From: "203.0.113.9", Role: "admin"},
	} {
		s := siteOf(t, ways[way].auth(t))
		far := with("X-Forwarded-For", "198.51.100.1, 203.0.113.9")
		if w := s.ask("POST", "/-/reload", "", ways[way].show("dora"), far); w.Code != 200 {
			t.Fatalf("%s: %d %s", ways[way].name, w.Code, w.Body)
		}
		if len(s.orders) != 1 || s.orders[0].Caller != want {
			t.Errorf("%s: recorded %+v, want %+v", ways[way].name, s.orders, want)
		}
	}
}
