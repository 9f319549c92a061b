package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/web"
)

func (s *site) metrics(auth web.Auth) *site {
	auth.AnyHost = true
	deps := s.deps
	deps.Auth, deps.Engine, deps.Live, deps.Page, deps.Reload, deps.Doctor = auth, nil, nil, nil, nil, nil
	return &site{Handler: web.MetricsHandler(deps), world: s.world, t: s.t, ring: s.ring, reg: s.reg}
}

// The metrics' own listener has their routes, to whoever may read, and no other route to anybody.
func TestTheMetricsListener(t *testing.T) {
	for name, c := range map[string]struct {
		auth func(*testing.T) web.Auth
		show asks
		code int
	}{
		"no file":        {func(*testing.T) web.Auth { return web.Auth{} }, nothing, 200},
		"any name":       {func(*testing.T) web.Auth { return web.Auth{} }, func(r *http.Request) { r.Host = "autorollback-a.monitoring.example:9097" }, 200},
		"users, alice":   {signIn, as("alice"), 200},
		"users, nobody":  {signIn, nothing, 401},
		"users, mallory": {signIn, as("mallory"), 401},
		"certificate":    {config(certs), verified("prometheus"), 200},
		"no certificate": {config(certs), nothing, 401},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, signIn(t)).metrics(c.auth(t))
			for _, to := range web.Routes() {
				w := s.send(s.request(to, c.show))
				want := 404
				if to.Need == policy.Metrics {
					want = c.code
				}
				if w.Code != want || w.Header().Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s %s answers %d, want %d: %v", to.Method, to.Path, w.Code, want, w.Header())
				}
			}
			s.unchanged(name)
		})
	}
}

// It answers while every connection of the people's listener waits for something that never comes.
func TestTheMetricsListenerAnswersWhileTheOtherIsStuck(t *testing.T) {
	auth := signIn(t)
	s := newSite(t, auth)
	stuck, arrived := make(chan struct{}), make(chan bool, 200)
	people := serve(t, &site{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- true; <-stuck })}, auth.ConfigFile)
	own := httptest.NewServer(s.metrics(web.Auth{}))
	defer own.Close()
	defer close(stuck)
	for i := range 100 {
		client := caller(t, fmt.Sprintf("127.0.0.%d", 3+i))
		go func() { _, _ = get(t.Context(), client, "http://"+people+"/", nothing) }() // it ends with the test
	}
	for range 100 {
		<-arrived
	}
	for range 20 {
		for _, path := range []string{"/metrics", "/-/healthy", "/-/ready"} {
			resp, err := get(t.Context(), http.DefaultClient, own.URL+path, nothing)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%s: %v, %v", path, resp, err)
			}
		}
	}
}

// What becomes of passwords can be seen, for each listener.
func TestSignInsAreCounted(t *testing.T) {
	s := newSite(t, signIn(t))
	s.ask("GET", "/", "", as("alice"))
	s.ask("GET", "/", "", as("alice"))
	s.ask("GET", "/", "", func(r *http.Request) { r.SetBasicAuth("bob", "x") })
	s.ask("GET", "/", "", as("mallory"))
	s.ask("GET", "/", "", nothing)
	page := s.ask("GET", "/metrics", "", as("alice")).Body.String()
	for _, want := range []string{
		`autorollback_web_sign_ins_total{listener="web",result="accepted"} 1`, `{listener="web",result="cached"} 2`,
		`{listener="web",result="wrong"} 1`, `{listener="web",result="no_such_name"} 1`, `{listener="web",result="throttled"} 0`,
		`autorollback_web_requests_total{class="4xx",listener="web"} 3`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}
