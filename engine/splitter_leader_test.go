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
		t.Run(fmt.Sprint(n), olderSplitter)
	}
}

const controlSplit = `{"Kind":"service-splitter","Name":"control","Splits":[{"ServiceSubset":"","Weight":%d},{"Service":"elsewhere","Weight":%d}]}`

func olderSplitter(t *testing.T) {
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
	await(t, func() error { return landed(t, newer) })
	<-held.Done
	t.Logf("the plain write landed late, and was answered: %v", <-plain)
	if err := want(splitOf(t, second), "ranker-v1 100, ranker-v2 0"); err != nil {
		t.Errorf("after the rollback, and what came late: %v", err)
	}
	await(t, func() error { return written(t, first) })
	if rel, err := first.Release(t.Context(), "ranker", ""); err != nil || rel.Held != nil || rel.Phase != record.RolledBack {
		t.Errorf("%v: %+v", err, rel)
	}
}

// landed reports whether what the frozen leader was given undid the control's newer split.
func landed(t *testing.T, st store.Store) error {
	snap, err := st.Read(t.Context(), entries+"service-splitter/control")
	if err != nil {
		return err
	}
	if en, ok := snap.Get(entries + "service-splitter/control"); !ok || !strings.Contains(string(en.Value), `"Weight":60`) {
		return errors.New("the frozen leader passed nothing on: the test shows nothing")
	}
	return nil
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
