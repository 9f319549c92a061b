package store

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/servers"
)

// lossy is a store behind a proxy, and one beside it that sees the truth.
type lossy struct {
	fixture
	proxy  *servers.LossyProxy
	direct fixture
	consul *Consul
}

func newLossy(t *testing.T) lossy {
	t.Helper()
	server := servers.Consul(t)
	proxy := servers.Proxy(t, server.Addr)
	c := client(t, proxy.Addr)
	return lossy{
		fixture: fixture{Store: c, t: t, root: "lost/"},
		proxy:   proxy,
		direct:  fixture{Store: client(t, server.Addr), t: t, root: "lost/"},
		consul:  c,
	}
}

const commits = "PUT /v1/txn"

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// appends is a transaction that cannot be applied twice unseen: it makes the
// value longer.
func (l lossy) appends(letter string) Tx {
	e, _ := l.direct.snap().Get(l.key("log"))
	return NewTx(l.set("log", string(e.Value)+letter, e.Index))
}

func TestLostAnswers(t *testing.T) {
	l := newLossy(t)
	for _, c := range []struct {
		name   string
		faults []servers.Fault
	}{
		{"the answer is lost", []servers.Fault{servers.LoseAnswer}},
		{"the request is lost", []servers.Fault{servers.Refuse}},
		{"requests, then the answer", []servers.Fault{servers.Refuse, servers.Refuse, servers.LoseAnswer}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := l
			l.t, l.direct.t = t, t
			before, at := l.direct.value("log"), l.direct.snap().Index
			for _, fault := range c.faults {
				l.proxy.Next(commits, fault)
			}
			if err := l.Commit(within(t, time.Minute), l.appends("x")); err != nil {
				t.Fatal(err)
			}
			want(t, l.direct.value("log"), strings.TrimPrefix(before, "(none)")+"x")
			if e, _ := l.direct.snap().Get(l.key("log")); e.Index <= at {
				t.Fatal("the index did not grow")
			}
		})
	}
}

func TestLostAnswerAndALaterWrite(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault servers.Fault
		want  error
		value string
	}{
		// Applied, then overwritten by somebody: it did happen.
		{"it was applied", servers.LoseAnswer, nil, "other"},
		{"it was not", servers.Refuse, ErrConflict, "other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLossy(t)
			l.direct.ok(l.set("a", "old", 0))
			l.consul.attempts = time.Minute
			tx := NewTx(l.set("a", "mine", l.direct.index("a")))
			// The settling read waits, and meanwhile somebody else writes.
			done := l.proxy.Next(commits, c.fault)
			l.proxy.Next("GET /v1/kv/"+queuePrefix, servers.Pass) // the queue, before its first use
			read := l.proxy.Hold("GET /v1/kv/" + queuePrefix)
			var other sync.WaitGroup
			other.Go(func() {
				defer read.Release()
				<-done
				l.direct.ok(l.set("a", "other", l.direct.index("a")))
			})
			err := l.Commit(within(t, time.Minute), tx)
			other.Wait()
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			want(t, l.direct.value("a"), c.value)
		})
	}
}

// A request that was given up lands much later, when the keys look again as they
// did when it was sent. It must not be applied.
func TestLateRequestIsFencedOff(t *testing.T) {
	l := newLossy(t)
	l.consul.attempts = 300 * time.Millisecond
	tx := NewTx(l.set("a", "late", 0))
	held := l.proxy.Hold(commits)
	l.direct.ok(l.set("a", "other", 0)) // what is sent again finds this
	err := l.Commit(within(t, time.Minute), tx)
	l.direct.ok(l.delete("a", l.direct.index("a"))) // "a" is as the first one wants it
	held.Release()
	<-held.Done
	if errors.Is(err, ErrConflict) {
		want(t, l.direct.value("a"), "(none)")
		return
	}
	t.Fatalf("got %v, want a conflict", err)
}

func TestUnsettled(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   servers.Fault
		applied string
	}{
		{"applied", servers.LoseAnswer, "x"},
		{"not applied", servers.Refuse, "(none)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLossy(t)
			l.consul.queues = onlyQueue(l.consul)
			l.proxy.Next("GET /v1/kv/"+queuePrefix, servers.Pass) // the queue, before its first use
			l.proxy.Next(commits, c.fault)
			settling := l.proxy.Next("GET /v1/kv/"+queuePrefix, servers.Refuse)
			l.proxy.Always(servers.Refuse)
			ctx, giveUp := context.WithCancel(t.Context())
			go func() {
				<-settling
				giveUp()
			}()
			err := l.Commit(ctx, l.appends("x"))
			if !errors.Is(err, ErrUnsettled) || errors.Is(err, ErrConflict) {
				t.Fatalf("got %v, want unsettled", err)
			}
			want(t, l.direct.value("log"), c.applied)
			l.proxy.Always(servers.Pass)
			if err := l.Commit(within(t, time.Minute), l.appends("y")); err != nil {
				t.Fatal(err)
			}
			want(t, l.direct.value("log"), strings.TrimPrefix(c.applied, "(none)")+"y")
		})
	}
}

// The only queue was left unsettled with a request on its way; the next commit in
// it makes sure that the request, when it lands, changes nothing.
func TestNextCommitFencesTheLostOne(t *testing.T) {
	l := newLossy(t)
	l.consul.queues = onlyQueue(l.consul)
	l.ok(l.set("warm", "", 0))
	held := l.proxy.Hold(commits)
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		<-held.Arrived
		giveUp()
	}()
	err := l.Commit(ctx, NewTx(l.set("a", "late", 0)))
	if !errors.Is(err, ErrUnsettled) {
		t.Fatalf("got %v, want unsettled", err)
	}
	l.ok(l.set("b", "next", 0))
	held.Release()
	<-held.Done
	want(t, l.direct.value("a"), "(none)")
}

func onlyQueue(c *Consul) chan *queue {
	queues := make(chan *queue, 1)
	queues <- <-c.queues
	return queues
}

func TestNothingWrittenWhileConsulIsAway(t *testing.T) {
	l := newLossy(t)
	for _, c := range []struct {
		name   string
		server http.HandlerFunc
	}{
		{"no leader", answerAll(500, "No cluster leader")},
		{"overloaded", answerAll(429, "rate limit")},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.server)
			defer server.Close()
			away := client(t, strings.TrimPrefix(server.URL, "http://"))
			plain(t, away.Commit(within(t, 300*time.Millisecond), l.appends("x")), "nothing was written")
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		away := client(t, strings.TrimPrefix(server.URL, "http://"))
		plain(t, away.Commit(within(t, 300*time.Millisecond), l.appends("x")), "nothing was written")
	})
	t.Run("back in time", func(t *testing.T) {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && asked.Add(1) <= 3 {
				answerAll(503, "")(w, r)
				return
			}
			l.proxy.ServeHTTP(w, r)
		}))
		defer server.Close()
		c := client(t, strings.TrimPrefix(server.URL, "http://"))
		if err := c.Commit(within(t, time.Minute), l.appends("x")); err != nil {
			t.Fatal(err)
		}
		want(t, l.direct.value("log"), "x")
	})
}

func answerAll(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// plain is an error which promises that nothing was written and asks for no
// second decision.
func plain(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil || errors.Is(err, ErrConflict) || errors.Is(err, ErrUnsettled) || !strings.Contains(err.Error(), says) {
		t.Fatalf("got %v, want a plain error that says %q", err, says)
	}
}
