package actuators

import (
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
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

// What changes the hazards changes the print; another service's step of its ramp changes neither.
func TestPrint(t *testing.T) {
	r := router(t, traefikRouting)
	const other = "traefik/http/services/other/weighted/services/0/weight"
	of := func(pairs ...string) store.Snapshot {
		for _, e := range canary().Entries {
			pairs = append(pairs, e.Key, string(e.Value))
		}
		return tree(pairs...)
	}
	before := of(other, "5", "traefik/http/services/other/loadbalancer/passhostheader", "1")
	for name, c := range map[string]struct {
		snap store.Snapshot
		same bool
	}{
		"nothing":                  {of(other, "5", "traefik/http/services/other/loadbalancer/passhostheader", "1"), true},
		"another service's step":   {of(other, "100", "traefik/http/services/other/loadbalancer/passhostheader", "1"), true},
		"no number":                {of(other, "5%", "traefik/http/services/other/loadbalancer/passhostheader", "1"), false},
		"a newline":                {of(other, "5\n", "traefik/http/services/other/loadbalancer/passhostheader", "1"), false},
		"empty":                    {of(other, "", "traefik/http/services/other/loadbalancer/passhostheader", "1"), false},
		"a number that is no bool": {of(other, "5", "traefik/http/services/other/loadbalancer/passhostheader", "2"), false},
		"a key less":               {of(other, "5"), false},
		"a key more":               {of(other, "5", "traefik/http/services/other/loadbalancer/passhostheader", "1", "traefik/x", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := r.Print(c.snap) == r.Print(before); same != c.same {
				t.Errorf("the same print: %t", same)
			}
			if c.same && !slices.Equal(r.Lint(c.snap), r.Lint(before)) {
				t.Errorf("%v, and it was %v", r.Lint(c.snap), r.Lint(before))
			}
		})
	}
	own := canary()
	stepped := tree()
	for _, e := range own.Entries {
		if strings.HasSuffix(e.Key, "/0/weight") {
			e.Value = []byte("90")
		}
		stepped.Entries = append(stepped.Entries, e)
	}
	if r.Print(own) == r.Print(stepped) {
		t.Error("our own weights do not count")
	}
}
