package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// The leader of three real servers freezes with the splitter of a release in its hands, whose
// answer is lost. Once another leads, another replica finishes the pending write, and then rolls
// back. When the old leader wakes it passes on what it was given, late: a plain write of another
// splitter undoes the newer one, and the release's does not.
func TestNoOlderSplitterLandsOverANewerOne(t *testing.T) {
	for n := range sim.Size(8, 1, 1) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			for range 3 {
				if olderSplitter(t) {
					return
				}
				t.Log("the frozen leader dropped what it had: once more")
			}
			t.Error("the frozen leader passed nothing on: the test shows nothing")
		})
	}
}

const controlSplit = `{"Kind":"service-splitter","Name":"control","Splits":[{"ServiceSubset":"","Weight":%d},{"Service":"elsewhere","Weight":%d}]}`

// olderSplitter reports whether the old leader passed on what it was given. One that takes a write
// before it knows that it leads no more drops it.
func olderSplitter(t *testing.T) (late bool) {
	t.Helper()
	cluster := servers.NewConsulCluster(t)
	at := cluster.Leader()
	near, far := cluster.Servers[(at+1)%len(cluster.Servers)], cluster.Servers[(at+2)%len(cluster.Servers)]
	proxy := servers.Proxy(t, near.Addr)
	older, newer := consulOf(t, proxy.Addr, 0), consulOf(t, far.Addr, 1)
	mesh(t, newer)
	for _, name := range []string{"control", "elsewhere"} {
		must(t, put(newer, entries+"service-defaults/"+name, fmt.Sprintf(`{"Kind":"service-defaults","Name":%q,"Protocol":"http"}`, name)))
	}
	must(t, put(newer, entries+"service-splitter/control", fmt.Sprintf(controlSplit, 100, 0)))

	rb := splitBy(t)
	first := engineOf(t, partsOf(older, factsOf(t, rb)), rb, Options{Replica: "first"})
	held := proxy.Hold("PUT /v1/config")
	running(t, first)
	if _, err := first.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err != nil {
		t.Fatal(err)
	}
	<-held.Arrived
	cluster.Servers[at].Pause()
	held.Release()
	plain := make(chan error, 1)
	go func() { plain <- putConfig(t.Context(), near.URL, fmt.Sprintf(controlSplit, 40, 60)) }()

	second := engineOf(t, partsOf(newer, factsOf(t, rb)), rb, Options{Replica: "second", ReconcileEvery: 100 * time.Millisecond})
	running(t, second)
	await(t, func() error { return settled(t, second) })
	if err := want(splitOf(t, second), "ranker-v1 80, ranker-v2 20"); err != nil {
		t.Errorf("the pending write was finished, and the split: %v", err)
	}
	await(t, func() error {
		_, err := second.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "it fails")
		return err
	})
	await(t, func() error { return written(t, second) })
	must(t, put(newer, entries+"service-splitter/control", fmt.Sprintf(controlSplit, 30, 70)))

	cluster.Servers[at].Resume()
	<-held.Done
	t.Logf("the plain write was answered: %v", <-plain)
	late = landed(t, newer)
	if err := want(splitOf(t, second), "ranker-v1 100, ranker-v2 0"); err != nil {
		t.Errorf("after the rollback, and what came late: %v", err)
	}
	await(t, func() error { return written(t, first) })
	if rel, err := first.Release(t.Context(), "ranker", ""); err != nil || rel.Held != nil || rel.Phase != record.RolledBack {
		t.Errorf("%v: %+v", err, rel)
	}
	return late
}

// landed reports whether what the frozen leader was given undoes the control's newer split.
func landed(t *testing.T, st store.Store) bool {
	const key = entries + "service-splitter/control"
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		snap, err := st.Read(t.Context(), key)
		if en, ok := snap.Get(key); err == nil && ok && strings.Contains(string(en.Value), `"Weight":60`) {
			return true
		}
	}
	return false
}

// putConfig writes a config entry without a check, as no part of this program does.
func putConfig(ctx context.Context, url, entry string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url+"/v1/config", strings.NewReader(entry))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
