package web_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/web"
)

// proxied is a daemon behind a proxy that signs people in, with passwords for those who come
// directly.
func proxied(t *testing.T, more string) *site {
	t.Helper()
	auth := signIn(t)
	auth.RolesFile = rolesFile(t, "roles: {view: [alice], admin: [dora]}\n"+more)
	return siteOf(t, auth)
}

func from(addr string) asks { return func(r *http.Request) { r.RemoteAddr = addr } }

func without(header string) asks { return func(r *http.Request) { r.Header.Del(header) } }

// The header of a trusted proxy is believed of the proxy, and of nobody else.
func TestWhoIsBelievedToBeTheProxy(t *testing.T) {
	const token = "X-Autorollback-Proxy-Authorization"
	dora := byProxy("dora")
	for name, c := range map[string]struct {
		show []asks
		code int
	}{
		"the proxy":                           {[]asks{dora}, 200},
		"the proxy over IPv6 as IPv4":         {[]asks{dora, from("[::ffff:192.0.2.7]:1")}, 200},
		"another address":                     {[]asks{dora, from("192.0.2.8:1")}, 401},
		"another address that says it is not": {[]asks{dora, from("192.0.2.8:1"), with("X-Forwarded-For", "192.0.2.7"), with("X-Real-Ip", "192.0.2.7")}, 401},
		"no address":                          {[]asks{dora, from("@")}, 401},
		"no token":                            {[]asks{dora, without(token)}, 401},
		"another token":                       {[]asks{dora, with(token, "Bearer "+strings.Repeat("x", 40))}, 401},
		"the token, not as bearer":            {[]asks{dora, with(token, proxyToken)}, 401},
		"two tokens":                          {[]asks{dora, func(r *http.Request) { r.Header.Add(token, "Bearer "+proxyToken) }}, 401},
		"the token as the caller's own":       {[]asks{dora, without(token), with("Authorization", "Bearer "+proxyToken)}, 401},
		"nobody signed in there":              {[]asks{dora, without("X-Forwarded-User")}, 401},
		"an empty name":                       {[]asks{byProxy("")}, 401},
		"two names":                           {[]asks{dora, func(r *http.Request) { r.Header.Add("X-Forwarded-User", "alice") }}, 401},
		"a name that is none":                 {[]asks{byProxy("dora\x00")}, 401},
		"a name with a mark that is not seen": {[]asks{byProxy("dora\u202e")}, 401},
		"the name of the flag":                {[]asks{byProxy("unauthenticated")}, 401},
		"somebody without the role":           {[]asks{byProxy("alice")}, 403},
		"somebody whom nobody names":          {[]asks{byProxy("mallory")}, 403},
		"a password through the proxy":        {[]asks{dora, without("X-Forwarded-User"), as("alice")}, 403},
		"a wrong password and a name":         {[]asks{dora, func(r *http.Request) { r.SetBasicAuth("alice", "wrong") }}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			s := proxied(t, trustedProxy)
			w := s.ask("PUT", "/api/v1/control", `{"mode":"observe"}`, c.show...)
			if w.Code != c.code {
				t.Errorf("answers %d, want %d: %s", w.Code, c.code, w.Body)
			}
			if c.code != 200 {
				s.unchanged(name)
			}
		})
	}
}

// Without a trusted proxy in the file the header means nothing, and it never reaches what is
// behind the sign-in.
func TestTheHeaderMeansNothingElsewhere(t *testing.T) {
	s := proxied(t, "")
	if w := s.ask("PUT", "/api/v1/control", `{"mode":"observe"}`, byProxy("dora")); w.Code != 401 {
		t.Errorf("answers %d", w.Code)
	}
	if w := s.ask("PUT", "/api/v1/control", `{"mode":"observe"}`, as("alice"), with("X-Forwarded-User", "dora")); w.Code != 403 {
		t.Errorf("beside a password it answers %d", w.Code)
	}
	s = proxied(t, trustedProxy)
	r := s.built("GET", "/api/v1/status", "", as("alice"), byProxy("dora"), from("192.0.2.8:1"))
	if w := s.send(r); w.Code != 200 || r.Header.Get("X-Forwarded-User") != "" || r.Header.Get("X-Autorollback-Proxy-Authorization") != "" {
		t.Errorf("answers %d, and the headers are %v", w.Code, r.Header)
	}
}

// A proxy with a client certificate shows it itself, and is no person.
func TestAProxyWithACertificate(t *testing.T) {
	const file = "trusted_proxy: {addresses: [192.0.2.0/24], user_header: X-Forwarded-User, certificate: sso}\n"
	auth := web.Auth{ConfigFile: write(t, certs), RolesFile: rolesFile(t, "roles: {admin: [dora, sso]}\n"+file)}
	s := siteOf(t, auth)
	for name, c := range map[string]struct {
		show []asks
		code int
	}{
		"the proxy":                   {[]asks{verified("sso"), with("X-Forwarded-User", "dora")}, 200},
		"the proxy itself":            {[]asks{verified("sso")}, 401},
		"a certificate not verified":  {[]asks{shown("sso"), with("X-Forwarded-User", "dora")}, 401},
		"somebody else's certificate": {[]asks{verified("vera"), with("X-Forwarded-User", "dora")}, 403},
		"somebody's own":              {[]asks{verified("dora")}, 200},
		"the proxy's from elsewhere":  {[]asks{verified("sso"), with("X-Forwarded-User", "dora"), from("198.51.100.1:1")}, 200}, // it is sso then, who is admin
	} {
		t.Run(name, func(t *testing.T) {
			if w := s.ask("POST", "/-/reload", "", c.show...); w.Code != c.code {
				t.Errorf("answers %d, want %d: %s", w.Code, c.code, w.Body)
			}
		})
	}
}

// A mistake in a roles file is named with its line and its field.
func TestMistakesInARolesFile(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"empty":             {"", "roles.yml:1: the file is empty; write who may do what"},
		"unknown role":      {"roles:\n  opperate: [alice]\n", `roles.yml:2: roles.opperate: unknown key; did you mean "operate"?`},
		"unknown key":       {"rolls: {}\n", `roles.yml:1: rolls: unknown key; did you mean "roles"?`},
		"everybody admin":   {"roles:\n  view: ['*']\n  admin:\n  - '*'\n", `roles.yml:4: roles.admin[0]: gives it to everybody who signs in; name the people`},
		"no list":           {"roles:\n  admin: alice\n", "roles.yml:2: roles.admin: is a "},
		"no name":           {"roles:\n  admin: [alice, '']\n", `roles.yml:2: roles.admin[1]: "" cannot be the name`},
		"twice":             {"roles:\n  admin: [alice, alice]\n", `roles.yml:2: roles.admin[1]: "alice" is named twice`},
		"reserved":          {"roles:\n  admin: [unauthenticated]\n", `roles.yml:2: roles.admin[0]: "unauthenticated" cannot be the name`},
		"invisible":         {"roles:\n  admin: [\"ali\\u202ece\"]\n", "roles.yml:2: roles.admin[0]: "},
		"proxy of nowhere":  {"trusted_proxy:\n  user_header: X-User\n  token_file: proxy.token\n", "roles.yml:1: trusted_proxy.addresses: is missing"},
		"proxy of anywhere": {"trusted_proxy:\n  addresses: [0.0.0.0/0]\n  user_header: X-User\n  token_file: proxy.token\n", "roles.yml:2: trusted_proxy.addresses[0]: is every address there is"},
		"proxy of a name":   {"trusted_proxy:\n  addresses: [sso.example]\n  user_header: X-User\n  token_file: proxy.token\n", `roles.yml:2: trusted_proxy.addresses[0]: "sso.example" is no address`},
		"address alone":     {"trusted_proxy:\n  addresses: [192.0.2.7]\n  user_header: X-User\n", "roles.yml:1: trusted_proxy: is known by its address alone; add token_file"},
		"the wrong header":  {"trusted_proxy:\n  addresses: [192.0.2.7]\n  user_header: authorization\n  token_file: proxy.token\n", "roles.yml:3: trusted_proxy.user_header: "},
		"no token there":    {"trusted_proxy:\n  addresses: [192.0.2.7]\n  user_header: X-User\n  token_file: none.token\n", "none.token"},
		"never shown":       {"trusted_proxy:\n  addresses: [192.0.2.7]\n  user_header: X-User\n  certificate: sso\n", "trusted_proxy.certificate: can never be shown; let --web.config.file verify client certificates"},
		"not YAML":          {"roles: [\n", "roles.yml:"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(filepath.Dir(rolesFile(t, "")), "roles.yml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := (web.Auth{RolesFile: path}).Check(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	for _, open := range []func(path string) web.Auth{
		func(path string) web.Auth { return web.Auth{RolesFile: path} }, func(path string) web.Auth { return web.Auth{ConfigFile: path} },
	} {
		path := write(t, "{}\n")
		if _, err := open(path).Check(); err != nil {
			t.Error(err)
		}
		if err := os.Chmod(path, 0o606); err != nil {
			t.Fatal(err)
		}
		if _, err := open(path).Check(); err == nil || !strings.Contains(err.Error(), "chmod o-w "+path) {
			t.Errorf("a file that everybody may change: %v", err)
		}
	}
	if _, err := (web.Auth{RolesFile: "none.yml"}).Check(); err == nil {
		t.Error("a file that is not there is nothing")
	}
	for _, text := range []string{"roles: {}\n", rolesOfAll, rolesOfAll + trustedProxy, "roles:\n  view: [\"*\"]\n  operate:\n"} {
		if _, err := (web.Auth{RolesFile: rolesFile(t, text)}).Check(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The same over a real connection: loopback is the proxy's address here, and who comes from there
// without its token is nobody.
func TestAProxyOverARealConnection(t *testing.T) {
	auth := web.Auth{RolesFile: rolesFile(t, rolesOfAll+strings.Replace(trustedProxy, "192.0.2.7", "127.0.0.1", 1))}
	server := httptest.NewServer(siteOf(t, auth))
	defer server.Close()
	ask := func(show ...asks) int {
		req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range show {
			m(req)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask(byProxy("vera")); got != 200 {
		t.Errorf("by the proxy: %d", got)
	}
	if got := ask(with("X-Forwarded-User", "vera")); got != 401 {
		t.Errorf("without its token: %d", got)
	}
}
