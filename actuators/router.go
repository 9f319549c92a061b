package actuators

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// ErrNoSplit means that the store holds no weights of the service yet.
var ErrNoSplit = errors.New("no weights yet")

// A Router reads and plans the split of one service. Only [For] makes one.
type Router struct {
	codec    codec
	mirror   mirrors // nil: the runbook lays none out
	flags    string  // prefix of the flag documents; empty: there are none
	prefixes []string
}

// A codec knows how one kind of router spells a split.
type codec interface {
	// prefix is what must be read for the split.
	prefix() string
	// decode reads the split; an error wraps ErrNoSplit if there is none.
	decode(store.Snapshot) (record.Split, error)
	// writes lists every key of the group with its wanted text, changed or not, and
	// the split as far as it can be read.
	writes(snap store.Snapshot, to record.Split) (record.Split, []write, error)
	// weights is the key that holds them all, or with a slash at its end the prefix of those
	// that do.
	weights() string
	// weightKey stands for the keys of weights; it may not exist.
	weightKey() string
	lint(store.Snapshot) []Hazard
	// observe reads what one instance of the router shows at its own API of the backends.
	observe(get fetch, backends []string) (record.Split, error)
	mirroring(runbook.Mirroring) (mirrors, error)
}

// codecs are those of each kind of router.
var codecs = map[runbook.Router]func(runbook.Routing) (codec, error){
	runbook.Traefik:  openTraefik,
	runbook.JSONKey:  openDocument,
	runbook.Fabio:    openFabio,
	runbook.Splitter: openSplitter,
}

// For returns the router that a runbook's routing names.
func For(r runbook.Routing) (Router, error) {
	open, known := codecs[r.Router]
	if !known {
		names := slices.Sorted(maps.Keys(codecs))
		return Router{}, fmt.Errorf("read routing.router %q: it must be one of %q", r.Router, names)
	}
	c, err := open(r)
	if err != nil {
		return Router{}, err
	}
	router := Router{codec: c, prefixes: []string{c.prefix()}}
	if s, ok := c.(splitter); ok {
		router.prefixes = s.entries()
	}
	if r.Mirror != nil {
		if router.mirror, err = c.mirroring(*r.Mirror); err != nil {
			return Router{}, err
		}
	}
	return router.withFlags(r.Flags)
}

func (r Router) withFlags(prefix string) (Router, error) {
	if prefix == "" {
		return r, nil
	}
	if !strings.HasSuffix(prefix, "/") {
		return Router{}, fmt.Errorf("read routing.flags %q: a prefix ends with a slash", prefix)
	}
	if err := sound("routing.flags", strings.TrimSuffix(prefix, "/")); err != nil {
		return Router{}, err
	}
	r.flags = prefix
	r.prefixes = append(r.prefixes, prefix)
	return r, nil
}

// Prefixes are what must be read, in one snapshot, for Decode, Plan and Lint.
func (r Router) Prefixes() []string { return append([]string(nil), r.prefixes...) }

// Writes are keys that stand for all that a change writes: who may write these may write
// the others. Not every one of them exists.
func (r Router) Writes() []string {
	keys := []string{r.codec.weightKey()}
	if r.flags != "" {
		keys = append(keys, r.flags+"autorollback-doctor")
	}
	return keys
}

// OwnWeight reports whether a change of the split may write the key.
func (r Router) OwnWeight(key string) bool {
	at := r.codec.weights()
	return key == at || strings.HasSuffix(at, "/") && strings.HasPrefix(key, at)
}

// Decode returns the split that the store asks of the router. The error wraps
// [ErrNoSplit] if there are no weights yet; any other names the key and how to fix it.
func (r Router) Decode(snap store.Snapshot) (record.Split, error) { return r.codec.decode(snap) }

// Lint reports what would make the router ignore a change, sorted by key. It knows
// the whole tree that the router reads, not only the service's own keys.
func (r Router) Lint(snap store.Snapshot) []Hazard { return r.codec.lint(snap) }

// Print sums up all that Lint looks at: while it is the same, so are the hazards. It is of this
// process alone. In a tree that many services share, the weights of the others change all the time;
// they do not count while they are plain numbers.
func (r Router) Print(snap store.Snapshot) uint64 {
	var h maphash.Hash
	h.SetSeed(printSeed)
	own := r.codec.weights()
	for _, prefix := range r.prefixes {
		if prefix == r.flags {
			continue
		}
		for _, e := range snap.Under(prefix) {
			h.WriteString(e.Key)
			h.WriteByte(0)
			if !strings.HasPrefix(e.Key, own) && strings.HasSuffix(e.Key, "/weight") && plainNumber(e.Value) {
				h.WriteByte('#')
			} else {
				h.Write(e.Value)
			}
			h.WriteByte(0)
		}
	}
	return h.Sum64()
}

var printSeed = maphash.MakeSeed()

func plainNumber(text []byte) bool {
	other := func(r rune) bool { return r < '0' || r > '9' }
	return len(text) > 0 && len(text) < 10 && bytes.IndexFunc(text, other) < 0
}

// A Hazard is something in the router's tree that may keep it from doing what the
// store says. It never stops a rollback; it is told.
type Hazard struct {
	Key      string `json:"key"`
	What     string `json:"what"`
	Fix      string `json:"fix"`
	Blocking bool   `json:"blocking"` // while it stands, the router does not take our change
}

func (h Hazard) String() string { return h.Key + ": " + h.What + "; " + h.Fix }

// refused words an error of reading, "read KEY: what; fix", as a hazard.
func refused(key string, err error) Hazard {
	_, text, _ := strings.Cut(err.Error(), ": ")
	what, fix, _ := strings.Cut(text, "; ")
	return Hazard{Key: key, What: what, Fix: fix, Blocking: true}
}

func sound(field, key string) error {
	if !runbook.IsKey(key) || strings.HasPrefix(key, "autorollback/") {
		return fmt.Errorf("read %s %q: use letters, digits, dot, dash, underscore and single slashes inside, no part of dots alone, and not our own autorollback/", field, key)
	}
	return nil
}
