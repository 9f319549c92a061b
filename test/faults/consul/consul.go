// Package consul is Consul's KV in memory, as far as package store speaks to it: transactions,
// consistent reads and blocking queries over HTTP, with the history of every commit. Store's
// conformance suite runs on it as on the real one. It loses nothing and delays nothing: what is
// between it and its clients does that.
package consul

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
)

// A Server is one Consul. Its zero value is not ready: see [New].
type Server struct {
	mu      sync.Mutex
	index   uint64
	keys    map[string]Pair
	sorted  []string
	changed chan struct{} // closed at the next change
	history []Commit
}

// A Pair is a key's value with the index of its last change.
type Pair struct {
	Value               []byte
	Created, Index, Was uint64 // Was is the index before the last change; 0: there was no key
}

// A Commit is one transaction, or one plain write, that changed something.
type Commit struct {
	Index  uint64
	At     time.Time
	Writer string // whom the server was told; empty: nobody
	Ops    []api.KVTxnOp
	Before map[string]Pair // of the keys that it changed; without those that were not there
	After  map[string]Pair // of the keys that it changed; without those that it deleted
	Erased bool            // the state was replaced by an older one
}

// New returns an empty server.
func New() *Server {
	return &Server{index: 10, keys: map[string]Pair{}, changed: make(chan struct{})}
}

// History is every commit so far, oldest first.
func (s *Server) History() []Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.history)
}

// Value is what stands at a key; nil: there is none.
func (s *Server) Value(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key].Value
}

// Under lists the values under a prefix by key.
func (s *Server) Under(prefix string) map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string][]byte{}
	for _, key := range s.under(prefix) {
		found[key] = s.keys[key].Value
	}
	return found
}

// Put is a plain write, as `consul kv put` makes it.
func (s *Server) Put(writer, key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(writer, []api.KVTxnOp{{Verb: api.KVSet, Key: key, Value: value}})
}

// A State is what a snapshot file holds.
type State struct {
	keys  map[string]Pair
	index uint64
}

// Save takes a snapshot.
func (s *Server) Save() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{maps.Clone(s.keys), s.index}
}

// Restore replaces everything with what was saved: entries have their old indexes again, and
// new ones go on above all that ever were, as Raft's index does.
func (s *Server) Restore(old State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.keys
	s.keys, s.sorted = maps.Clone(old.keys), slices.Sorted(maps.Keys(old.keys))
	s.index++
	s.history = append(s.history, Commit{Index: s.index, At: time.Now(), Before: was, After: maps.Clone(old.keys), Erased: true})
	s.notify()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch key, ok := strings.CutPrefix(r.URL.Path, "/v1/kv/"); {
	case r.URL.Path == "/v1/txn" && r.Method == http.MethodPut:
		s.txn(w, r)
	case ok && r.Method == http.MethodGet:
		s.get(w, r, key)
	default:
		http.NotFound(w, r)
	}
}

// under lists keys by prefix, sorted.
func (s *Server) under(prefix string) []string {
	from, _ := slices.BinarySearch(s.sorted, prefix)
	to := from
	for to < len(s.sorted) && strings.HasPrefix(s.sorted[to], prefix) {
		to++
	}
	return s.sorted[from:to]
}

// apply writes operations that were checked, all at one index, and notes the commit.
func (s *Server) apply(writer string, ops []api.KVTxnOp) {
	c := Commit{Index: s.index + 1, At: time.Now(), Writer: writer, Ops: ops, Before: map[string]Pair{}, After: map[string]Pair{}}
	for _, op := range ops {
		old, there := s.keys[op.Key]
		switch op.Verb {
		case api.KVSet, api.KVCAS:
			if there && bytes.Equal(old.Value, op.Value) {
				continue // moves no index and wakes nobody
			}
			created := old.Created
			if !there {
				created = c.Index
				at, _ := slices.BinarySearch(s.sorted, op.Key)
				s.sorted = slices.Insert(s.sorted, at, op.Key)
			}
			s.keys[op.Key] = Pair{Value: op.Value, Created: created, Index: c.Index, Was: old.Index}
			c.After[op.Key] = s.keys[op.Key]
		case api.KVDelete, api.KVDeleteCAS:
			if !there {
				continue
			}
			delete(s.keys, op.Key)
			at, _ := slices.BinarySearch(s.sorted, op.Key)
			s.sorted = slices.Delete(s.sorted, at, at+1)
		default:
			continue
		}
		if there {
			c.Before[op.Key] = old
		}
	}
	if len(c.Before)+len(c.After) == 0 {
		return
	}
	s.index = c.Index
	s.history = append(s.history, c)
	s.notify()
}

func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}
