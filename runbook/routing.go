package runbook

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Router names a codec of package actuators.
type Router string

const (
	Traefik Router = "traefik" // Traefik's KV provider: one key per backend's weight
	JSONKey Router = "json"    // one JSON document in one key
)

// Routing says where the service's weights live in the KV store.
type Routing struct {
	Router Router `yaml:"router" json:"router"`
	// Root and Service locate Traefik's weighted service:
	// <Root>/http/services/<Service>/weighted/services/<n>/{name,weight}. Root's default is "traefik".
	Root    string `yaml:"root,omitempty" json:"root,omitempty"`
	Service string `yaml:"service,omitempty" json:"service,omitempty"`
	// Key is the json router's document, e.g. "routes/ranker/weights".
	Key string `yaml:"key,omitempty" json:"key,omitempty"`
	// Flags is the prefix, with a trailing slash, under which one JSON document per
	// version holds the flags of the bundle that version serves, e.g. "features/ranker/".
	Flags string `yaml:"flags,omitempty" json:"flags,omitempty"`
	// Mirror says how requests are copied to a candidate; nil: the daemon never does.
	Mirror *Mirroring `yaml:"mirror,omitempty" json:"mirror,omitempty"`
}

// A Split is the wanted or observed share of each backend: integers ≥ 0. A split we
// write sums to 100.
type Split map[string]int

// Equal compares shares, backend by backend; a missing backend is 0. A tool that
// re-writes 95/5 as 190/10 has changed nothing.
func (s Split) Equal(o Split) bool {
	a, b := s.sum(), o.sum()
	if a == 0 || b == 0 {
		return a == b
	}
	for k := range s {
		if s[k]*b != o[k]*a {
			return false
		}
	}
	for k := range o {
		if s[k]*b != o[k]*a {
			return false
		}
	}
	return true
}

// String lists the backends by name, e.g. "ranker-v1 95, ranker-v2 5".
func (s Split) String() string {
	var parts []string
	for _, backend := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, backend+" "+strconv.Itoa(s[backend]))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// Clone returns a copy.
func (s Split) Clone() Split { return maps.Clone(s) }

func (s Split) sum() int {
	n := 0
	for _, w := range s {
		n += w
	}
	return n
}

// A Change is one transaction on the router's keys, as it was planned: the exact
// values before and after. Digest binds an approval to it.
type Change struct {
	From   Split       `json:"from"`
	To     Split       `json:"to"`
	Keys   []KeyChange `json:"keys"`
	Digest string      `json:"digest"` // sha256 over From, To and Keys, "sha256:…"
}

// KeyChange is one key of a change. Index is the store's modify index the value From
// was read at; 0 if the key did not exist.
type KeyChange struct {
	Key   string `json:"key"`
	From  string `json:"from"`
	To    string `json:"to"`
	Index uint64 `json:"index"`
}
