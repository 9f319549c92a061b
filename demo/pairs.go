package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/autorollback/autorollback/store"
)

// A Pair is a model version and the encoder that made the features it was given.
type Pair struct{ Version, Encoder string }

func (p Pair) String() string { return p.Version + "×" + p.Encoder }

// Unset is the encoder of answers that were given before the flags named one.
const Unset = "unset"

// mixedConversion is what is left of the conversions of a model that is given another
// encoder's features: its answers are well formed and worth little.
const mixedConversion = 0.3

// counts are the answers of one pod by encoder.
type counts struct {
	mu sync.Mutex
	of map[string]int64
}

func (c *counts) add(encoder string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int64{}
	}
	c.of[encoder]++
}

func (c *counts) copy() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}

// Follow reads the pod's flags, the document of its version, whenever they change,
// until ctx ends, and then returns nil. A document that cannot be read, and a store that
// does not answer, leave the last good one in force. So does one that is off: what the router
// still sends to a pod whose bundle was rolled back is answered by its own pair.
func (p *Pod) Follow(ctx context.Context, s store.Store, key string) error {
	follow(ctx, s, key, func(snap store.Snapshot) {
		entry, ok := snap.Get(key)
		if !ok {
			return
		}
		var doc struct {
			Flags struct {
				Encoder string `json:"encoder"`
			} `json:"flags"`
			Quarantined bool `json:"quarantined"`
		}
		if err := json.Unmarshal(entry.Value, &doc); err == nil && doc.Flags.Encoder != "" && !doc.Quarantined {
			p.encoder.Store(&doc.Flags.Encoder)
		}
	})
	return nil
}

// encode makes the features of one request with the encoder that the flags name now,
// and counts the pair.
func (p *Pod) encode(b Behaviour) Behaviour {
	encoder := Unset
	if e := p.encoder.Load(); e != nil {
		encoder = *e
	}
	p.served.add(encoder)
	p.pairs.WithLabelValues(encoder).Inc()
	if p.mixed(encoder) {
		b.Conversion *= mixedConversion
	}
	return b
}

func (p *Pod) mixed(encoder string) bool {
	return encoder != Unset && p.version.Encoder != "" && encoder != p.version.Encoder
}

// Pairs are the answers of all pods by pair, as the pods counted them.
func (w *Service) Pairs() map[Pair]int64 {
	all := map[Pair]int64{}
	for _, p := range w.pods {
		for encoder, n := range p.served.copy() {
			all[Pair{p.version.Name, encoder}] += n
		}
	}
	return all
}

// Mixed are the answers that a model gave on features of an encoder it was not trained
// with.
func (w *Service) Mixed() int64 {
	n := int64(0)
	for _, p := range w.pods {
		for encoder, served := range p.served.copy() {
			if p.mixed(encoder) {
				n += served
			}
		}
	}
	return n
}

// SayPairs writes the pairs as a sentence's part, in the order of their names.
func SayPairs(pairs map[Pair]int64) string {
	byName := func(a, b Pair) int { return strings.Compare(a.String(), b.String()) }
	var words []string
	for _, p := range slices.SortedFunc(maps.Keys(pairs), byName) {
		words = append(words, fmt.Sprintf("%s %d times", p, pairs[p]))
	}
	return strings.Join(words, ", ")
}
