package servers

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Fault is what a LossyProxy does to one request. The client sees the same
// after LoseAnswer and after Refuse: a connection that was closed instead of
// an answer.
type Fault struct {
	hold        hold
	loseRequest bool
	loseAnswer  bool
}

var (
	// Pass hands on the request and the answer.
	Pass = Fault{}
	// LoseAnswer hands on the request, waits until the server has answered,
	// and closes the client's connection.
	LoseAnswer = Fault{loseAnswer: true}
	// Refuse closes the client's connection; the server sees nothing.
	Refuse = Fault{loseRequest: true}
)

// A Held request has come to the proxy and waits there. Release hands it on,
// even if the client has given up by then: what was sent is on its way.
type Held struct {
	Arrived <-chan struct{} // closed when the proxy has all of the request
	Done    <-chan struct{} // closed when the server has answered it

	release chan struct{}
}

// Release hands the request on, at once if it comes later. It may be called once.
func (h Held) Release() { close(h.release) }

type hold struct{ arrived, release chan struct{} }

func (h hold) wait(life context.Context) {
	if h.release == nil {
		return
	}
	close(h.arrived)
	select {
	case <-h.release:
	case <-life.Done():
	}
}

// A LossyProxy stands between a client and an HTTP server and loses what it
// is told to lose. Its methods may be called while requests are under way.
//
// A Go client sends a lost GET once more by itself, but never a lost PUT or
// POST.
type LossyProxy struct {
	Addr string // host and port to give to the client
	URL  string // the same, as an address to put a path after

	server  *httptest.Server
	forward http.Handler
	life    context.Context // ends with the test

	mu     sync.Mutex
	always Fault
	once   []ambush
}

// An ambush is a fault that lies in wait for one request.
type ambush struct {
	method, prefix string // no method means any
	fault          Fault
	met            chan struct{}
}

// Proxy starts a proxy in front of target, a host and port. It passes all
// until told otherwise.
func Proxy(tb testing.TB, target string) *LossyProxy {
	tb.Helper()
	life, end := context.WithCancel(context.Background())
	transport := &http.Transport{DisableCompression: true}
	p := &LossyProxy{life: life, forward: forwardTo(target, transport)}
	p.server = httptest.NewServer(p)
	p.URL, p.Addr = p.server.URL, p.server.Listener.Addr().String()
	tb.Cleanup(func() {
		end()
		p.Cut()
		p.server.Close()
		transport.CloseIdleConnections()
	})
	return p
}

func forwardTo(target string, transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: target})
			r.Out.Host = r.In.Host
		},
		Transport:     transport,
		FlushInterval: -1,
		// A server that is gone must not look like one that answers 502.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}

// Always sets what happens to every request that Next has no fault for.
func (p *LossyProxy) Always(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always = f
}

// Next sets a fault for the next request that fits the pattern, which is the
// beginning of a path, with or without a method before it: "PUT /v1/kv/".
// The channel is closed when the fault has been done: after LoseAnswer, when
// the server has answered. Each call is for one request, in order.
func (p *LossyProxy) Next(pattern string, f Fault) <-chan struct{} {
	method, prefix, ok := strings.Cut(pattern, " ")
	if !ok {
		method, prefix = "", pattern
	}
	a := ambush{method: method, prefix: prefix, fault: f, met: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.once = append(p.once, a)
	return a.met
}

// Hold stops the next request that fits the pattern of Next until it is released.
func (p *LossyProxy) Hold(pattern string) Held {
	h := hold{arrived: make(chan struct{}), release: make(chan struct{})}
	done := p.Next(pattern, Fault{hold: h})
	return Held{Arrived: h.arrived, Done: done, release: h.release}
}

// Cut closes every connection from a client, also those on which a request
// is under way. New ones are taken.
func (p *LossyProxy) Cut() { p.server.CloseClientConnections() }

// ServeHTTP does to one request what it was told to.
func (p *LossyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault, met := p.faultFor(r)
	defer met()
	if fault == Pass {
		p.forward.ServeHTTP(w, r)
		return
	}
	r, ok := p.outlive(r)
	if !ok || fault.loseRequest {
		panic(http.ErrAbortHandler)
	}
	fault.hold.wait(p.life)
	if fault.loseAnswer {
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	p.forward.ServeHTTP(w, r)
}

func (p *LossyProxy) faultFor(r *http.Request) (f Fault, met func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.once, func(a ambush) bool {
		return (a.method == "" || a.method == r.Method) && strings.HasPrefix(r.URL.Path, a.prefix)
	})
	if i < 0 {
		return p.always, func() {}
	}
	a := p.once[i]
	p.once = slices.Delete(p.once, i, i+1)
	return a.fault, func() { close(a.met) }
}

// outlive returns the request free of its client's connection, so that a
// client which gives up does not take it back.
func (p *LossyProxy) outlive(r *http.Request) (*http.Request, bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return r, false
	}
	r = r.Clone(p.life)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, true
}
