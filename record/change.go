package record

import (
	"slices"
	"strings"
)

// A Change is one transaction on the router's keys, as it was planned: the exact
// values before and after. Digest binds an approval to it.
type Change struct {
	From   Split       `json:"from"`
	To     Split       `json:"to"`
	Keys   []KeyChange `json:"keys"`
	Digest string      `json:"digest"` // sha256 over From, To and Keys, "sha256:…"
}

// How says how the change is carried out: in one transaction, and in a write that follows it
// where a key is kept in another place. A change that nobody knows has none.
func (c *Change) How() string {
	if c == nil || !slices.ContainsFunc(c.Keys, KeyChange.elsewhere) {
		return "in one transaction"
	}
	return "in one transaction and the write that follows it"
}

// KeyChange is one key of a change. Index is the store's modify index the value From
// was read at; 0 if the key did not exist.
type KeyChange struct {
	Key   string `json:"key"`
	From  string `json:"from"`
	To    string `json:"to"`
	Index uint64 `json:"index"`
}

// elsewhere reports whether the key names another place, as in config-entry://KIND/NAME.
func (k KeyChange) elsewhere() bool {
	place, _, found := strings.Cut(k.Key, "://")
	return found && strings.Trim(place, "abcdefghijklmnopqrstuvwxyz-") == ""
}
