package store

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/autorollback/autorollback/test/servers"
)

// What this package relies on in Consul itself, asked of the version at hand.
func TestConsulFacts(t *testing.T) {
	server := servers.Consul(t)
	c := client(t, server.Addr)
	kv := func(verb api.KVOp, key, value string, index uint64) api.KVTxnOp {
		return api.KVTxnOp{Verb: verb, Key: "facts/" + key, Value: []byte(value), Index: index}
	}
	send := func(t *testing.T, ops ...api.KVTxnOp) answer {
		t.Helper()
		a, err := c.txn(t.Context(), ops)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	fails := func(t *testing.T, k kind, ops ...api.KVTxnOp) {
		t.Helper()
		if _, err := c.txn(t.Context(), ops); err == nil || kindOf(err) != k {
			t.Fatalf("got %v, want a failure of kind %d", err, k)
		}
	}
	index := func(a answer, i int) uint64 { return a.Results[i].KV.ModifyIndex }

	t.Run("C-a: all keys of a transaction change, at one index, or none", func(t *testing.T) {
		a := send(t, kv(api.KVCAS, "a1", "1", 0), kv(api.KVCAS, "a2", "1", 0))
		want(t, index(a, 0), index(a, 1))
		fails(t, stale, kv(api.KVCAS, "a1", "2", index(a, 0)), kv(api.KVCAS, "a2", "2", 1))
		got := send(t, kv(api.KVGet, "a1", "", 0))
		want(t, string(got.Results[0].KV.Value), "1")
	})
	t.Run("C-b: an equal value moves no index, there and back does", func(t *testing.T) {
		first := index(send(t, kv(api.KVCAS, "b", "A", 0)), 0)
		want(t, index(send(t, kv(api.KVCAS, "b", "A", first)), 0), first)
		second := index(send(t, kv(api.KVCAS, "b", "B", first)), 0)
		if third := index(send(t, kv(api.KVCAS, "b", "A", second)), 0); third <= first {
			t.Fatalf("the index went from %d to %d", first, third)
		}
	})
	t.Run("C-j: 128 operations, 512 KiB", func(t *testing.T) {
		ops := make([]api.KVTxnOp, 129)
		for i := range ops {
			ops[i] = kv(api.KVCheckNotExists, "none", "", 0)
		}
		send(t, ops[:128]...)
		fails(t, refused, ops...)
		fails(t, refused, kv(api.KVCAS, "j", strings.Repeat("x", 512<<10), 0))
	})
	t.Run("C-k: index 0 only creates", func(t *testing.T) {
		send(t, kv(api.KVCAS, "k", "1", 0))
		fails(t, stale, kv(api.KVCAS, "k", "2", 0))
		fails(t, stale, kv(api.KVCAS, "absent", "2", 7))
	})
	t.Run("delete-cas takes an absent key for a deleted one", func(t *testing.T) {
		send(t, kv(api.KVDeleteCAS, "absent", "", 7))
	})
	t.Run("a read names trees without keys by nothing", func(t *testing.T) {
		a := send(t, kv(api.KVGetTree, "none/", "", 0), kv(api.KVGetTree, "k", "", 0), kv(api.KVGetTree, "none2/", "", 0))
		want(t, len(a.Results), 1)
		if a.Filtered == nil || *a.Filtered {
			t.Fatal("the body must say that nothing was filtered")
		}
	})
}

// C-i: every read that a decision rests on asks a quorum.
func TestReadsAskForConsistency(t *testing.T) {
	server := servers.Consul(t)
	seen := &requests{forward: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Addr})}
	agent := httptest.NewServer(seen)
	defer agent.Close()
	c := client(t, strings.TrimPrefix(agent.URL, "http://"))
	f := fixture{Store: c, t: t, root: "consistent/"}
	f.snap()
	f.ok(f.set("a", "1", 0))
	f.watch(0)
	for _, part := range []string{"/v1/txn", "/v1/kv/" + queuePrefix, "/v1/kv/consistent/"} {
		want(t, seen.count(part, true) > 0, true)
		want(t, seen.count(part, false), 0)
	}
}

type requests struct {
	forward http.Handler
	mu      sync.Mutex
	urls    []url.URL
}

func (s *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.urls = append(s.urls, *r.URL)
	s.mu.Unlock()
	s.forward.ServeHTTP(w, r)
}

func (s *requests) count(path string, consistent bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.urls {
		if strings.HasPrefix(u.Path, path) && u.Query().Has("consistent") == consistent {
			n++
		}
	}
	return n
}

func TestTwoProcessesOfOneName(t *testing.T) {
	server := servers.Consul(t)
	proxy := servers.Proxy(t, server.Addr)
	ours := client(t, proxy.Addr)
	ours.queues, ours.attempts = onlyQueue(ours), time.Minute
	namesake := func() *Consul {
		c := client(t, server.Addr)
		c.queues = make(chan *queue, 1)
		c.queues <- &queue{key: queueKey(ours.replica, 0)}
		return c
	}
	f := fixture{Store: ours, t: t, root: "names/"}
	before := fixture{Store: namesake(), t: t, root: "names/"}
	before.ok(f.set("before", "", 0)) // a predecessor's mark is no offence
	f.ok(f.set("a", "", 0))
	plain(t, before.Commit(t.Context(), NewTx(f.set("z", "", 0))), errNameTaken.Error())

	// The answer is lost, and another's commit writes over the mark that would tell.
	done := proxy.Next(commits, servers.LoseAnswer)
	read := proxy.Hold("GET /v1/kv/" + queuePrefix)
	after := namesake()
	go func() {
		<-done
		_ = after.Commit(t.Context(), NewTx(f.set("c", "", 0)))
		read.Release()
	}()
	err := ours.Commit(within(t, time.Minute), NewTx(f.set("b", "", 0)))
	if !errors.Is(err, ErrUnsettled) || !errors.Is(err, errNameTaken) {
		t.Fatalf("got %v, want unsettled since the name is taken", err)
	}
}

func TestSweep(t *testing.T) {
	server := servers.Consul(t)
	c := client(t, server.Addr)
	f := fixture{Store: c, t: t, root: queuePrefix}
	now := time.Now()
	put := func(key string, age time.Duration) Op {
		value, _ := json.Marshal(mark{Schema: 1, Tx: "x", At: now.Add(-age)})
		return f.set(key, string(value), 0)
	}
	f.ok(put("old/0", forgotten+time.Hour), put("new/0", forgotten-time.Hour),
		put(c.replica+"/7", forgotten+time.Hour), f.set("odd/0", "not ours", 0))
	if err := c.GC(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	for key, left := range map[string]bool{"old/0": false, "new/0": true, c.replica + "/7": true, "odd/0": true} {
		if _, ok := f.snap().Get(queuePrefix + key); ok != left {
			t.Errorf("%s: left is %t, want %t", key, ok, left)
		}
	}
}

func TestOpenConsulRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  ConsulConfig
		says string
	}{
		{"no replica", ConsulConfig{}, "replica name"},
		{"a slash", ConsulConfig{Replica: "a/b"}, "replica name"},
		{"a unix socket", ConsulConfig{Replica: "a", Address: "unix:///run/consul"}, "not supported"},
		{"no such CA", ConsulConfig{Replica: "a", CAFile: "none.pem"}, "none.pem"},
	} {
		if _, err := OpenConsul(c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
	}
}

// An old Consul, or a proxy that thinks it knows better, may leave the word out.
func TestReadThatMayBeFilteredIsRefused(t *testing.T) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"Results":[],"Errors":null}`)
	}))
	defer agent.Close()
	c := client(t, strings.TrimPrefix(agent.URL, "http://"))
	_, err := c.Read(context.WithoutCancel(t.Context()), "a/")
	plain(t, err, "does not say")
}
