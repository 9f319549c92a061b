package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/servers"
)

// The leader of three real servers freezes with writes in its hands, whose answers are lost;
// another is elected and newer changes are written. When the old one wakes it passes on what it
// was given, late: a plain PUT undoes the newer value, and none of ours does, whether its
// writer waited for an answer or gave up.
func TestNoOlderWriteLandsOverANewerOne(t *testing.T) {
	cluster := servers.NewConsulCluster(t)
	at := cluster.Leader()
	near, far := cluster.Servers[(at+1)%len(cluster.Servers)], cluster.Servers[(at+2)%len(cluster.Servers)]
	newer := fixture{Store: client(t, far.Addr), t: t, root: "late/"}
	newer.ok(newer.set("waits", "first", 0), newer.set("gave-up", "first", 0), newer.set("plain", "first", 0))
	waits, gaveUp := newLate(newer, near, "waits"), newLate(newer, near, "gave-up")

	cluster.Servers[at].Pause()
	waits.send(within(t, 5*time.Minute))
	ctx, giveUp := context.WithCancel(t.Context())
	gaveUp.send(ctx)
	var plain sync.WaitGroup
	plain.Go(func() { _ = put(within(t, 5*time.Minute), near.URL+"/v1/kv/late/plain", "late") })
	giveUp()
	if err := <-gaveUp.result; !errors.Is(err, ErrUnsettled) {
		t.Errorf("a writer that gave up got %v, want unsettled", err)
	}
	for _, name := range []string{"waits", "gave-up", "plain"} {
		newer.overwrite(name)
	}
	cluster.Servers[at].Resume()
	// It wrote with the new leader, before the newer change, or not at all.
	if err := <-waits.result; err != nil && !errors.Is(err, ErrConflict) {
		t.Errorf("a writer that waited got %v, want success or a conflict", err)
	}
	<-gaveUp.held.Done
	plain.Wait()
	newer.late(cluster.Servers[at])
	want(t, newer.value("waits"), "newer")
	want(t, newer.value("gave-up"), "newer")
}

// late waits until a server that was frozen has passed on what it was given: the plain PUT was
// the last of that.
func (f fixture) late(s *servers.ConsulServer) {
	f.t.Helper()
	for ctx := within(f.t, time.Minute); ctx.Err() == nil; {
		if err := put(ctx, s.URL+"/v1/kv/late/awake", "yes"); err == nil && f.value("plain") == "late" {
			f.t.Log("the plain PUT landed late")
			return
		}
	}
	f.t.Fatal("the frozen leader passed nothing on: the test shows nothing")
}

// A late write is a commit that is sent to the follower of a frozen leader.
type late struct {
	fixture
	tx     Tx
	held   servers.Held
	result chan error
}

func newLate(f fixture, follower *servers.ConsulServer, name string) *late {
	proxy := servers.Proxy(f.t, follower.Addr)
	c := client(f.t, proxy.Addr)
	c.queues = onlyQueue(c)
	l := &late{fixture: fixture{Store: c, t: f.t, root: f.root}, result: make(chan error, 1)}
	l.ok(l.set("warm-"+name, "", 0)) // its queue is known
	l.tx = NewTx(l.set(name, "older", f.index(name)))
	l.held = proxy.Hold(commits)
	return l
}

// send begins the commit, and returns when it is on its way to the follower.
func (l *late) send(ctx context.Context) {
	go func() { l.result <- l.Commit(ctx, l.tx) }()
	<-l.held.Arrived
	l.held.Release()
}

// overwrite writes a newer value as soon as there is a leader to take it.
func (f fixture) overwrite(name string) {
	f.t.Helper()
	ctx := within(f.t, 2*time.Minute)
	for err := error(nil); ; {
		var snap Snapshot
		if snap, err = f.Read(ctx, f.root); err == nil {
			e, _ := snap.Get(f.key(name))
			err = f.Commit(ctx, NewTx(f.set(name, "newer", e.Index)))
		}
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			f.t.Fatalf("overwrite %s: %v", name, err)
		}
	}
}

// put writes without a check, as no part of this program does.
func put(ctx context.Context, url, value string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(value))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("put %s: %s", url, resp.Status)
	}
	return nil
}
