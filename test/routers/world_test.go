package routers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/users"
)

const (
	stable    = "ranker-v1"
	candidate = "ranker-v2"
)

var (
	canary     = record.Split{stable: 95, candidate: 5}
	rolledBack = record.Split{stable: 100, candidate: 0}
)

// A world is a real Consul, and a model server for each version that says its name.
type world struct {
	*testing.T
	consul *servers.ConsulServer
	kv     *store.Consul
	models map[string]string // backend to its URL
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, consul: servers.Consul(t), models: map[string]string{}}
	for _, name := range []string{stable, candidate} {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set(users.VersionHeader, name) }))
		t.Cleanup(s.Close)
		w.models[name] = s.URL
	}
	var err error
	w.kv, err = store.OpenConsul(store.ConsulConfig{Address: w.consul.Addr, Replica: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A place is one real router that follows its keys in the world's Consul.
type place struct {
	*world
	router   actuators.Router
	url      string // where users send their requests
	instance string // where the router says what it serves
	provider string // behind the candidate's name, as the router has it
	byAddr   bool   // users are told apart by their addresses
}

func (w *world) place(r runbook.Routing) *place {
	w.Helper()
	router, err := actuators.For(r)
	if err != nil {
		w.Fatal(err)
	}
	return &place{world: w, router: router}
}

// shift writes a split as the daemon does, in one transaction, and returns when it was
// written.
func (p *place) shift(to record.Split) time.Time {
	p.Helper()
	snap, err := p.kv.Read(p.Context(), p.router.Prefixes()...)
	if err != nil {
		p.Fatal(err)
	}
	_, ops, err := p.router.Plan(snap, p.named(to), nil)
	if err != nil {
		p.Fatal(err)
	}
	if err := p.kv.Commit(p.Context(), store.NewTx(ops...)); err != nil {
		p.Fatal(err)
	}
	return time.Now()
}

// serves waits until the router says that it serves the split, and returns when it was
// asked the time that it said so first.
func (p *place) serves(want record.Split) time.Time {
	p.Helper()
	var asked time.Time
	p.await(fmt.Sprintf("the router to serve %v", want), func() error {
		asked = time.Now()
		got, err := p.observe(p.Context())
		if err == nil && !got.Equal(p.named(want)) {
			err = fmt.Errorf("it serves %v", got)
		}
		return err
	})
	return asked
}

// observe asks the router what it serves.
func (p *place) observe(ctx context.Context) (record.Split, error) {
	return p.router.Observe(ctx, http.DefaultClient, p.instance, stable, candidate+p.provider)
}

// named is the split by the names that the router has for the backends.
func (p *place) named(split record.Split) record.Split {
	return record.Split{stable: split[stable], candidate + p.provider: split[candidate]}
}

// await polls until f returns nil.
func (w *world) await(what string, f func() error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			w.Fatalf("waited for %s: %v", what, err)
		case <-tick.C:
		}
	}
}

// put writes a key as a human does.
func (w *world) put(key, value string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPut, w.consul.URL+"/v1/kv/"+key, strings.NewReader(value))
	if err != nil {
		w.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.Fatalf("put %s: %s", key, resp.Status)
	}
}
