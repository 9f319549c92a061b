package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/faults/consul"
)

var (
	errDead    = errors.New("this process is dead")
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset by peer")
)

// A wire is what lies between one process and Consul: it implements http.RoundTripper.
type wire struct{ l *life }

// A fate is what becomes of one request.
type fate struct {
	there, back time.Duration // how long it and its answer take
	refused     bool          // it gets no connection
	lost        bool          // it never arrives
	mute        bool          // its answer never comes
	reset       time.Duration // when the connection is reset; 0: it is not
	status      int           // Consul answers this without doing anything
	undone      bool          // Consul answers that it lost its leader meanwhile, done or not
}

func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	l := w.l
	label := l.label(req.URL.Path, body)
	if err := l.awake(ctx, label); err != nil {
		return nil, err
	}
	f := l.fate(label, isCommit(body))
	if f.refused {
		return nil, l.wait(ctx, f.there, errRefused)
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	got := make(chan *http.Response, 1)
	if !f.lost {
		go l.carry(req, body, f, got)
	}
	if f.reset > 0 {
		return nil, l.wait(ctx, f.reset, errReset)
	}
	select {
	case resp := <-got:
		if err := l.awake(ctx, label); err != nil {
			return nil, err
		}
		return resp, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.gone:
		return nil, errDead
	}
}

// carry brings a request to Consul and its answer back, whoever waits for it or died.
func (l *life) carry(req *http.Request, body []byte, f fate, got chan<- *http.Response) {
	time.Sleep(f.there)
	if _, is := l.r.plan.now(l.r.at(), -1, noLeader); is && f.status == 0 {
		f.status, f.back = http.StatusInternalServerError, time.Millisecond
	}
	answer := httptest.NewRecorder()
	if f.status != 0 {
		http.Error(answer, "No cluster leader", f.status)
	} else {
		if isCommit(body) {
			l.r.beforehand(body)
		}
		own := req.Clone(context.Background())
		own.Body = io.NopCloser(bytes.NewReader(body))
		own.Header.Set(consul.Writer, l.name)
		l.r.kv.ServeHTTP(answer, own)
	}
	if f.undone {
		answer = httptest.NewRecorder()
		http.Error(answer, "rpc error making call: leadership lost while committing log", http.StatusInternalServerError)
	}
	time.Sleep(f.back)
	if !f.mute {
		got <- answer.Result()
	}
}

// fate is drawn for each request, from what goes on and how often it was asked before.
func (l *life) fate(label string, commit bool) fate {
	d := l.r.dice(l.name, label)
	f := fate{there: time.Millisecond + d.upTo(12*time.Millisecond), back: time.Millisecond + d.upTo(12*time.Millisecond)}
	at := l.r.at()
	if c, is := l.r.plan.now(at, l.n, cut); is {
		if c.ID%2 == 0 {
			return fate{refused: true, there: f.there}
		}
		f.lost = true
		return f
	}
	if _, is := l.r.plan.now(at, -1, noLeader); is && d.n(3) > 0 {
		f.undone = commit && d.n(2) == 0
		if !f.undone {
			f.status = http.StatusInternalServerError
		}
	}
	if _, is := l.r.plan.now(at, l.n, lossy); is {
		switch d.n(6) {
		case 0:
			f.lost, f.reset = true, time.Duration(d.n(2))*f.there
		case 1, 2:
			f.mute, f.reset = true, time.Duration(d.n(2))*(f.there+f.back)
		}
	}
	if _, is := l.r.plan.now(at, l.n, lateTxn); is && commit && d.n(2) == 0 {
		f.mute, f.reset = true, time.Duration(d.n(2))*f.there
		f.there += d.upTo(50 * time.Second)
	}
	return f
}

// label says what a request is about, without anything that chance made.
func (l *life) label(path string, body []byte) string {
	if len(body) == 0 {
		return "look"
	}
	var ops []struct{ KV struct{ Key string } }
	_ = json.Unmarshal(body, &ops) // it is our own client's
	var about []string
	for _, op := range ops {
		if !strings.HasPrefix(op.KV.Key, store.Root+"op/") {
			about = append(about, l.r.plainKey(op.KV.Key))
		}
	}
	if isCommit(body) {
		path = "commit"
	}
	return path + " " + strings.Join(about, " ")
}

// plainKey is a key with the service that it is about in place of an id.
func (r *run) plainKey(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) < 4 || !slices.Contains([]string{"incident", "approval", "outbox", "bundle"}, parts[2]) {
		return key
	}
	if known, ok := r.plainKeys.Load(key); ok {
		return known.(string)
	}
	var of struct{ Service, Kind string }
	value := r.kv.Value(key)
	_ = json.Unmarshal(value, &of)
	plain := strings.Join(append(parts[:3], of.Service, of.Kind), "/")
	if value != nil {
		r.plainKeys.Store(key, plain)
	}
	return plain
}

func isCommit(body []byte) bool { return len(body) > 0 && !bytes.Contains(body, []byte(`"get-tree"`)) }

// wait lets time pass, unless the caller or the process ends.
func (l *life) wait(ctx context.Context, d time.Duration, then error) error {
	select {
	case <-time.After(d):
		return then
	case <-ctx.Done():
		return ctx.Err()
	case <-l.gone:
		return errDead
	}
}

// awake returns once the process runs: one that is stopped sends and hears nothing.
func (l *life) awake(ctx context.Context, label string) error {
	select {
	case <-l.gone:
		return errDead
	default:
	}
	if f, is := l.r.plan.now(l.r.at(), l.n, freeze); is {
		d := l.r.dice(l.name, "thaw "+label)
		select {
		case <-time.After(f.At + f.For - l.r.at() + d.upTo(5*time.Millisecond)):
		case <-l.gone:
			return errDead
		}
	}
	return ctx.Err()
}

// counts number what is drawn for, so that a draw hangs on nothing but what it is about.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (r *run) dice(who, label string) dice {
	r.counts.mu.Lock()
	defer r.counts.mu.Unlock()
	key := who + " " + label
	r.counts.of[key]++
	return diceOf(r.plan.Seed, fmt.Sprint(key, " ", r.counts.of[key]))
}
