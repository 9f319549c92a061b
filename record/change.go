package record

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

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
