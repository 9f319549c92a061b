package engine

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// What is remembered of a router's keys is forgotten when they change, or the runbook does.
func TestHazardsAreThoseOfTheKeysAsTheyAre(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	e := engineOf(t, partsOf(newMemory(), factsOf(t, rb)), rb, Options{Replica: "replica"})
	target := Target{Service: "ranker", Region: runbook.DefaultRegion}
	of := func(name, digest string, pairs ...string) string {
		router, err := actuators.For(runbook.Routing{Router: runbook.Traefik, Service: name})
		must(t, err)
		changed := *rb
		changed.Digest = digest
		var snap store.Snapshot
		for i := 0; i < len(pairs); i += 2 {
			snap.Entries = append(snap.Entries, store.Entry{Key: pairs[i], Value: []byte(pairs[i+1]), Index: 7})
		}
		return strings.Join(e.hazards(target, service{rb: &changed, router: router}, snap, nil), "; ")
	}
	const weight, other = "traefik/http/services/other/weighted/services/0/weight", "traefik/http/services/other/mirroring/service"
	const url = "traefik/http/services/other/loadbalancer/servers/0/url"
	const typo, types = "is not a whole number", "more than one type"
	for _, step := range []struct{ name, service, digest, value, mirror, want string }{
		{"well", "ranker", "a", "5", "", ""},
		{"another step", "ranker", "a", "25", "", ""},
		{"a typo", "ranker", "a", "25%", "", typo},
		{"read again", "ranker", "a", "25%", "", typo},
		{"corrected", "ranker", "a", "25", "", ""},
		{"another service has two types", "ranker", "a", "25", "x", ""},
		{"the runbook names that one", "other", "b", "25", "x", types},
		{"and no more", "ranker", "a", "25", "x", ""},
	} {
		pairs := []string{weight, step.value}
		if step.mirror != "" {
			pairs = []string{url, "http://10.0.0.1/", other, step.mirror} // the print is the same for both runbooks
		}
		if got := of(step.service, step.digest, pairs...); (got != "") != (step.want != "") || !strings.Contains(got, step.want) {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
}
