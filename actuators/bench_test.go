package actuators

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
)

// bigTree is a Traefik tree of n services, each with a router and two servers, and our own
// weighted service among them: 7 keys for each service.
func bigTree(n int) store.Snapshot {
	var pairs []string
	for i := range n {
		name := fmt.Sprintf("svc-%05d", i)
		pairs = append(pairs,
			"traefik/http/routers/"+name+"/rule", "Host(`"+name+".example.com`)",
			"traefik/http/routers/"+name+"/service", name,
			"traefik/http/routers/"+name+"/entrypoints/0", "web",
			"traefik/http/services/"+name+"/loadbalancer/servers/0/url", "http://10.0.0.1:8000/",
			"traefik/http/services/"+name+"/loadbalancer/servers/1/url", "http://10.0.0.2:8000/",
			"traefik/http/services/"+name+"/loadbalancer/passhostheader", "true",
			"traefik/http/services/"+name+"/loadbalancer/healthcheck/interval", "10s")
	}
	for _, e := range canary().Entries {
		pairs = append(pairs, e.Key, string(e.Value))
	}
	return tree(pairs...)
}

// spoiled is the same tree with mistakes in it, at every tenth service.
func spoiled(n int) store.Snapshot {
	var pairs []string
	for _, e := range bigTree(n).Entries {
		pairs = append(pairs, e.Key, string(e.Value))
	}
	for i := 0; i < n; i += 10 {
		name := fmt.Sprintf("svc-%05d", i)
		pairs = append(pairs,
			"traefik/http/services/"+name+"/weighted/", "",
			"traefik/http/services/"+name+"/mirroring/service", "x",
			"traefik/http/services/"+fmt.Sprintf("SVC-%05d", i)+"/loadbalancer/servers/2/url", "http://10.0.0.3:8000/",
			fmt.Sprintf("traefik/http/services/ranker/weighted/services/%d/name", 10+i), name,
			fmt.Sprintf("traefik/http/services/ranker/weighted/services/%d/weight", 10+i), "1")
	}
	return tree(pairs...)
}

// BenchmarkBigTree is lint and plan beside plain JSON decoding of the same answer of Consul's.
func BenchmarkBigTree(b *testing.B) {
	r := router(b, traefikRouting)
	for _, shape := range []struct {
		name string
		of   func(int) store.Snapshot
	}{{"sound", bigTree}, {"spoiled", spoiled}} {
		for _, n := range []int{1_000, 10_000} {
			snap := shape.of(n)
			text, err := json.Marshal(snap.Entries)
			if err != nil {
				b.Fatal(err)
			}
			at := fmt.Sprintf("%s/%d/", shape.name, n)
			b.Run(at+"json", func(b *testing.B) {
				for b.Loop() {
					var all []store.Entry
					if err := json.Unmarshal(text, &all); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(at+"lint", func(b *testing.B) {
				for b.Loop() {
					r.Lint(snap)
				}
			})
			b.Run(at+"plan", func(b *testing.B) {
				for b.Loop() {
					if _, _, err := r.Plan(snap, record.Split{"model-v1": 100}, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
