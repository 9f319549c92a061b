package actuators

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

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

// BenchmarkBigTree takes lint, encode and decode of a Traefik tree of 10,000 services in turns
// with plain JSON decoding of the same keys.
func BenchmarkBigTree(b *testing.B) {
	r := router(b, traefikRouting)
	for name, snap := range map[string]store.Snapshot{"sound": bigTree(10_000), "spoiled": spoiled(10_000)} {
		b.Run(name, func(b *testing.B) {
			text, err := json.Marshal(snap.Entries)
			if err != nil {
				b.Fatal(err)
			}
			var all []store.Entry
			var plain, lint, again, encode, decode time.Duration
			for b.Loop() {
				plain += took(func() { err = json.Unmarshal(text, &all) })
				lint += took(func() { r.Lint(snap) })
				again += took(func() { r.Print(snap) })
				encode += took(func() { _, _, err = r.Plan(snap, record.Split{"model-v1": 100}, nil) })
				decode += took(func() { _, err = r.Decode(snap) })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(snap.Entries)), "keys")
			b.ReportMetric(plain.Seconds()*1000/float64(b.N), "json-ms")
			b.ReportMetric(lint.Seconds()/plain.Seconds(), "lint/json")
			b.ReportMetric(again.Seconds()/plain.Seconds(), "print/json")
			b.ReportMetric(encode.Seconds()/plain.Seconds(), "encode/json")
			b.ReportMetric(decode.Seconds()/plain.Seconds(), "decode/json")
		})
	}
}

func took(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// A walk of the tree for each finding would make four times the work of twice the tree.
func TestLintGrowsWithTheTree(t *testing.T) {
	r := router(t, traefikRouting)
	small, large := spoiled(500), spoiled(1000)
	if len(r.Lint(small)) < 100 {
		t.Fatal("the tree has no findings")
	}
	one := testing.AllocsPerRun(1, func() { r.Lint(small) })
	two := testing.AllocsPerRun(1, func() { r.Lint(large) })
	if two > 2.5*one {
		t.Errorf("lint allocates %.0f times for 500 services and %.0f times for 1000", one, two)
	}
}
