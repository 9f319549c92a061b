package web_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/web"
)

// bcrypts is how many passwords were compared until now, and results what became of all.
func (s *site) bcrypts() (n int, results map[string]int) {
	s.t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	results = map[string]int{}
	for _, f := range families {
		if f.GetName() != "autorollback_web_sign_ins_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "result" {
					results[l.GetValue()] += int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return results["accepted"] + results["wrong"], results
}

// A caller has connections of its own, from one loopback address.
func caller(t *testing.T, from string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func get(ctx context.Context, client *http.Client, url string, show asks) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	show(req)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, err
}

// slowUsers are people whose passwords take as long to compare as those of a real file, or
// nearly.
func slowUsers(t *testing.T, names ...string) web.Auth {
	t.Helper()
	text := "basic_auth_users:\n"
	for _, name := range names {
		hash, err := bcrypt.GenerateFromPassword([]byte(name+"-secret"), sim.Size(10, 6, 4))
		if err != nil {
			t.Fatal(err)
		}
		text += "  " + name + ": " + string(hash) + "\n"
	}
	return web.Auth{ConfigFile: write(t, text), RolesFile: write(t, "roles: {metrics: [prometheus], view: [alice, bob, carol]}\n")}
}

// addresses are those of half the guessers; the others have one.
const addresses = 12

// guess sends made-up passwords until ctx ends, and closes begun once they cost it something: a name
// that somebody has is throttled, one that nobody has is wrong.
func guess(ctx context.Context, client *http.Client, url, name string, begun func()) {
	for n := 0; ctx.Err() == nil; n++ {
		who := name
		if name == "" {
			who = "made-up-" + strconv.Itoa(rand.Int())
		}
		resp, err := get(ctx, client, url+"/api/v1/status", func(r *http.Request) { r.SetBasicAuth(who, strconv.Itoa(rand.Int())) })
		if err != nil {
			continue // the listener has made room for somebody
		}
		if resp.StatusCode == http.StatusTooManyRequests || name == "" && resp.StatusCode == http.StatusUnauthorized {
			begun()
		}
	}
}

// While 200 connections guess passwords, those who know theirs are answered: who was here before, who
// comes for the first time, and from the address of the guessers as well.
func TestAFloodOfPasswords(t *testing.T) {
	auth := slowUsers(t, "prometheus", "alice", "bob", "carol")
	s := siteOf(t, auth)
	url := "http://" + serve(t, s, auth.ConfigFile)
	prometheus := caller(t, "127.0.0.50")
	if resp, err := get(t.Context(), prometheus, url+"/metrics", as("prometheus")); err != nil || resp.StatusCode != 200 {
		t.Fatalf("before the flood: %v, %v", resp, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all, begun sync.WaitGroup
	defer all.Wait()
	defer stop()
	guessers := sim.Size(200, 200, 60) // connections
	// Until somebody is answered some passwords of others may be compared: those that wait, and some while
	// the answer is on its way on a busy machine. Where everybody waits for their turn it is all of them.
	mostBetween := max(guessers/4, 20)
	for i := range guessers {
		from, name := "127.0.0.2", []string{"alice", ""}[i%2]
		if i >= guessers/2 {
			from, name = fmt.Sprintf("127.0.1.%d", 1+i%addresses), "alice"
		}
		begun.Add(1)
		all.Go(func() { guess(ctx, caller(t, from), url, name, sync.OnceFunc(begun.Done)) })
	}
	begun.Wait()
	answered := func(what string, client *http.Client, path, name string) {
		t.Helper()
		before, _ := s.bcrypts()
		resp, err := get(t.Context(), client, url+path, as(name))
		after, results := s.bcrypts()
		switch {
		case err != nil:
			t.Errorf("%s: %v", what, err)
		case resp.StatusCode != 200 || after-before > mostBetween:
			t.Errorf("%s: %s after %d comparisons; all in all %v", what, resp.Status, after-before, results)
		}
	}
	for range 20 {
		answered("a scrape", prometheus, "/metrics", "prometheus")
	}
	answered("an approver for the first time, whose name is guessed at", caller(t, "127.0.0.60"), "/", "alice")
	answered("somebody for the first time", caller(t, "127.0.0.61"), "/", "bob")
	answered("somebody for the first time, at the guessers' address", caller(t, "127.0.0.2"), "/", "carol")
	answered("the approver at the guessers' address, afterwards", caller(t, "127.0.0.2"), "/", "alice")
	resp, err := get(t.Context(), caller(t, "127.0.0.2"), url+"/", func(r *http.Request) { r.SetBasicAuth("alice", "another guess") })
	if err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || resp.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("a guess more: %v, %v", resp, err)
	}
}
