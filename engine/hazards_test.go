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
	of := func(root, digest string, pairs ...string) string {
		router, err := actuators.For(runbook.Routing{Router: runbook.Traefik, Root: root, Service: "ranker"})
		must(t, err)
		changed := *rb
		changed.Digest = digest
		var snap store.Snapshot
		for i := 0; i < len(pairs); i += 2 {
			snap.Entries = append(snap.Entries, store.Entry{Key: pairs[i], Value: []byte(pairs[i+1]), Index: 7})
		}
		return strings.Join(e.hazards(target, service{rb: &changed, router: router}, snap), "; ")
	}
	const key = "traefik/http/services/other/weighted/services/0/weight"
	for _, step := range []struct{ name, root, digest, value, want string }{
		{"well", "traefik", "a", "5", ""},
		{"another step", "traefik", "a", "25", ""},
		{"a typo", "traefik", "a", "25%", "is not a whole number"},
		{"read again", "traefik", "a", "25%", "is not a whole number"},
		{"another runbook", "lb", "b", "25%", ""},
		{"the first again", "traefik", "a", "25%", "is not a whole number"},
		{"corrected", "traefik", "a", "25", ""},
	} {
		if got := of(step.root, step.digest, key, step.value); (got != "") != (step.want != "") || !strings.Contains(got, step.want) {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
}
