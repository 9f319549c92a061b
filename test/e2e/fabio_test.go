package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

// Users go through a real fabio, which has the pods from Consul's catalog. The candidate turns
// bad and is rolled back, and fabio is asked whether it follows.
func TestFabioIsRolledBack(t *testing.T) {
	t.Parallel()
	consul := servers.Consul(t)
	fabio := servers.Fabio(t, consul.Addr)
	s := start(t, options{server: consul, users: throughFabio(fabio), runbook: func(text string) string {
		return edit(t, edit(t, text, "  router: json\n  key: routes/ranker/weights\n",
			fmt.Sprintf("  router: fabio\n  service: ranker\n  sources: [/predict]\n  instances: [%s]\n", fabio.UIURL)),
			"  mirror: {}", "  #")
	}})
	if got := s.fabioServes(fabio); !got.Equal(record.Split{"ranker-v1": 95, "ranker-v2": 5}) {
		t.Errorf("the release began and fabio serves %v", got)
	}
	s.breakCandidate()
	inc := s.incident("a closed incident", 90*time.Second, settled)
	s.recovered(inc)
	a := inc.Applied
	if a == nil || a.AppliedAt.IsZero() || len(a.Instances) != 1 || a.Instances[0].AppliedAt.IsZero() {
		t.Fatalf("applied: %+v", a)
	}
	t.Logf("after the write: read back %s, applied %s, drained %s", a.ReadBackAt.Sub(a.WrittenAt), a.AppliedAt.Sub(a.WrittenAt), inc.DrainedAt.Sub(a.WrittenAt))
	s.servedNobodyAfter(a.AppliedAt)
	if got := s.fabioServes(fabio); !got.Equal(record.Split{"ranker-v1": 100}) {
		t.Errorf("rolled back, and fabio serves %v", got)
	}
}

func (s *stack) router() actuators.Router {
	s.t.Helper()
	router, err := actuators.For(s.rb.Routing)
	if err != nil {
		s.t.Fatal(err)
	}
	return router
}

// decoded is the split that the keys ask of the router.
func (s *stack) decoded() record.Split {
	s.t.Helper()
	snap, err := s.kv.Read(s.t.Context(), s.router().Prefixes()...)
	if err != nil {
		s.t.Fatal(err)
	}
	split, err := s.router().Decode(snap)
	if err != nil {
		s.t.Fatal(err)
	}
	return split
}

// fabioServes is what fabio itself says.
func (s *stack) fabioServes(fabio *servers.FabioServer) record.Split {
	s.t.Helper()
	split, err := s.router().Observe(s.t.Context(), http.DefaultClient, fabio.UIURL, "ranker-v1", "ranker-v2")
	if err != nil {
		s.t.Fatal(err)
	}
	return split
}

// throughFabio puts the pods into Consul's catalog, with v2's taken out as long as no release
// gives them a share.
func throughFabio(fabio *servers.FabioServer) func(*stack) {
	return func(s *stack) {
		s.t.Helper()
		s.service.Traffic.URL = fabio.URL + "/predict"
		err := s.kv.Commit(s.t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: "fabio/config/zz-autorollback-ranker",
			Value: []byte("# rest: ranker-v1\nroute del ranker tags \"ranker-v2\"\n")}))
		if err != nil {
			s.t.Fatal(err)
		}
		for i, pod := range s.service.Targets()[:5] {
			version := "ranker-v1"
			if i >= 3 {
				version = "ranker-v2"
			}
			s.consul.Register("ranker", fmt.Sprintf("%s-%d", version, i), "http://"+pod, version, "urlprefix-/predict")
		}
	}
}
