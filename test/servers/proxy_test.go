package servers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestLostAnswerIsAppliedInConsul(t *testing.T) {
	t.Parallel()
	consul := Consul(t)
	proxy := Proxy(t, consul.Addr)
	lost := proxy.Next("PUT /v1/kv/", LoseAnswer)

	text, err := send(t.Context(), http.MethodPut, proxy.URL+"/v1/kv/weights", "100/0")
	if !errors.Is(err, io.EOF) {
		t.Errorf("the client got %q, %v, want a closed connection", text, err)
	}
	<-lost
	check(t, get(t, consul.URL+"/v1/kv/weights?raw"), "100/0")
	check(t, get(t, proxy.URL+"/v1/kv/weights?raw"), "100/0")
}

func TestRefusedRequestIsNotApplied(t *testing.T) {
	t.Parallel()
	target := newHook(t)
	proxy := Proxy(t, target.addr(t))
	proxy.Always(Refuse)
	if _, err := send(t.Context(), http.MethodPut, proxy.URL, "refused"); !errors.Is(err, io.EOF) {
		t.Errorf("the client got %v, want a closed connection", err)
	}
	proxy.Always(Pass)
	put(t, proxy.URL, "passed")
	check(t, <-target.bodies, "passed")
}

func TestHeldRequestOutlivesItsClient(t *testing.T) {
	t.Parallel()
	target := newHook(t)
	proxy := Proxy(t, target.addr(t))
	held := proxy.Hold("/")
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		<-held.Arrived
		giveUp()
	}()
	if _, err := send(ctx, http.MethodPut, proxy.URL, "late"); !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v, want that it gave up", err)
	}
	check(t, len(target.bodies), 0)
	held.Release()
	<-held.Done
	check(t, <-target.bodies, "late")
}

func TestFaultsAreMetInOrder(t *testing.T) {
	t.Parallel()
	target := newHook(t)
	proxy := Proxy(t, target.addr(t))
	proxy.Next("PUT /a", Refuse)
	proxy.Next("PUT /a", LoseAnswer)
	for _, c := range []struct {
		method, path string
		arrives      bool
		answered     bool
	}{
		{http.MethodPost, "/a", true, true}, // another method
		{http.MethodPut, "/b", true, true},  // another path
		{http.MethodPut, "/a/1", false, false},
		{http.MethodPut, "/a/2", true, false},
		{http.MethodPut, "/a/3", true, true},
	} {
		_, err := send(t.Context(), c.method, proxy.URL+c.path, c.path)
		check(t, err == nil, c.answered)
		if c.arrives {
			check(t, <-target.bodies, c.path)
		}
	}
}

func TestCutEndsRequestsUnderWay(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	proxy := Proxy(t, slow.Listener.Addr().String())
	failed := make(chan error)
	go func() {
		_, err := request(t.Context(), http.MethodGet, proxy.URL)
		failed <- err
	}()
	<-asked
	proxy.Cut()
	if err := <-failed; err == nil {
		t.Error("the request was answered, want it cut")
	}
}

func TestDeadTargetIsNoAnswer(t *testing.T) {
	t.Parallel()
	proxy := Proxy(t, freeAddr(t))
	if _, err := send(t.Context(), http.MethodPut, proxy.URL, ""); !errors.Is(err, io.EOF) {
		t.Errorf("the client got %v, want a closed connection", err)
	}
}

func (h *hook) addr(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
