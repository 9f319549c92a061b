package record

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
