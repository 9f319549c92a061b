package actuators

import (
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

func TestForRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		routing runbook.Routing
		says    string
	}{
		"no router":           {runbook.Routing{}, "routing.router"},
		"unknown router":      {runbook.Routing{Router: "haproxy"}, "routing.router"},
		"no service":          {runbook.Routing{Router: runbook.Traefik}, "routing.service"},
		"service with slash":  {runbook.Routing{Router: runbook.Traefik, Service: "a/b"}, "routing.service"},
		"root with slash":     {runbook.Routing{Router: runbook.Traefik, Service: "a", Root: "traefik/"}, "routing.root"},
		"root is ours":        {runbook.Routing{Router: runbook.Traefik, Service: "a", Root: "autorollback/v1"}, "routing.root"},
		"flags wake Traefik":  {runbook.Routing{Router: runbook.Traefik, Service: "a", Flags: "traefik-flags/"}, "routing.flags"},
		"no key":              {runbook.Routing{Router: runbook.JSONKey}, "routing.key"},
		"key with two dots":   {runbook.Routing{Router: runbook.JSONKey, Key: "a/../b"}, "routing.key"},
		"key begins at root":  {runbook.Routing{Router: runbook.JSONKey, Key: "/a"}, "routing.key"},
		"key with two slashs": {runbook.Routing{Router: runbook.JSONKey, Key: "a//b"}, "routing.key"},
		"key is ours":         {runbook.Routing{Router: runbook.JSONKey, Key: "autorollback/v1/control"}, "routing.key"},
		"no source":           {runbook.Routing{Router: runbook.Fabio, Service: "a"}, "routing.sources"},
		"root of fabio":       {runbook.Routing{Router: runbook.Fabio, Service: "a", Sources: []string{"/"}, Root: "/fabio/config"}, "routing.root"},
		"flags in fabio":      {runbook.Routing{Router: runbook.Fabio, Service: "a", Sources: []string{"/"}, Flags: "fabio/config/flags/"}, "routing.flags"},
		"mirror of fabio":     {runbook.Routing{Router: runbook.Fabio, Service: "a", Sources: []string{"/"}, Mirror: &runbook.Mirroring{}}, "routing.mirror"},
		"flags without slash": {runbook.Routing{Router: runbook.JSONKey, Key: "a", Flags: "flags"}, "routing.flags"},
		"flags are ours":      {runbook.Routing{Router: runbook.JSONKey, Key: "a", Flags: "autorollback/flags/"}, "routing.flags"},
		"flags are all":       {runbook.Routing{Router: runbook.JSONKey, Key: "a", Flags: "/"}, "routing.flags"},
	} {
		if _, err := For(tt.routing); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for name, tt := range map[string]struct {
		routing runbook.Routing
		want    []string
	}{
		"traefik by default": {runbook.Routing{Router: runbook.Traefik, Service: "a"}, []string{"traefik/"}},
		"traefik":            {traefikRouting, []string{"traefik/", "features/ranker/"}},
		"fabio":              {fabioRouting, []string{"fabio/config", "features/ranker/"}},
		"json":               {jsonRouting, []string{"routes/ranker/weights", "features/ranker/"}},
	} {
		if got := router(t, tt.routing).Prefixes(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestPlanRefusesFlagsWithoutAPlace(t *testing.T) {
	r := router(t, runbook.Routing{Router: runbook.Traefik, Service: "ranker"})
	to := record.Split{"model-v1": 100}
	if _, _, err := r.Plan(canary(), to, []FlagDoc{{Version: "v1", Flags: map[string]any{"encoder": "v4"}}}); err == nil || !strings.Contains(err.Error(), "routing.flags") {
		t.Errorf("flags that nobody can read: %v", err)
	}
	if change, _, err := r.Plan(canary(), to, []FlagDoc{{Version: "v1", Serving: true}}); err != nil || len(change.Keys) != 2 {
		t.Errorf("a bundle without flags needs no place: %v, %v", change, err)
	}
}

// An approval is bound to the digest: it must move with each part of a change.
func TestDigestCoversTheChange(t *testing.T) {
	base := func() record.Change {
		return record.Change{From: record.Split{"a": 95, "b": 5}, To: record.Split{"a": 100}, Keys: []record.KeyChange{{Key: "k", From: "95", To: "100", Index: 7}}}
	}
	seen := map[string]string{Digest(base()): "nothing"}
	for name, alter := range map[string]func(*record.Change){
		"from": func(c *record.Change) { c.From["b"] = 6 }, "to": func(c *record.Change) { c.To["b"] = 1 },
		"key": func(c *record.Change) { c.Keys[0].Key = "l" }, "old text": func(c *record.Change) { c.Keys[0].From = "96" },
		"new text": func(c *record.Change) { c.Keys[0].To = "99" }, "index": func(c *record.Change) { c.Keys[0].Index = 8 },
		"no keys": func(c *record.Change) { c.Keys = nil },
	} {
		c := base()
		alter(&c)
		if other, same := seen[Digest(c)]; same {
			t.Errorf("%s gives the digest of %s", name, other)
		}
		seen[Digest(c)] = name
	}
	if c := base(); !strings.HasPrefix(Digest(c), "sha256:") || len(Digest(c)) != 71 {
		t.Error(Digest(c))
	}
}
