// Package actuators has a codec for each kind of router: it turns a wanted split and
// the flags of the bundles into the exact keys that the router and the model servers
// read, and back. A plan is a list of checked operations for one transaction: every
// key it writes, and every key it relies on, must still be as it was read.
//
// It never writes, never deletes a key, never guesses at a shape it does not know,
// and never leaves a tree without traffic. What would make the router ignore us is
// reported as a [Hazard] and stops nothing.
package actuators

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// write is one key of a plan with its wanted text. Index 0: it must not exist yet.
type write struct {
	key, from, to string
	index         uint64
}

func (w write) changes() bool { return w.index == 0 || w.from != w.to }

// Plan returns the change that takes the service to the split and its versions to
// the flags, and the operations that carry it out: a Set with the key's index for
// each key that changes, and a Check for each other key of the group, so that the
// whole group is as it was read or nothing is written. The split's shares are ≥ 0
// and sum to 100; backends the router knows and the split does not are set to 0; a
// backend with a share that the router does not know yet is added.
//
// A plan that changes nothing has checks only, and a Change without Keys. An error
// names the key that stands in the way and how to fix it.
func (r Router) Plan(snap store.Snapshot, to record.Split, flags []FlagDoc) (record.Change, []store.Op, error) {
	if err := validateSplit(to); err != nil {
		return record.Change{}, nil, err
	}
	from, writes, err := r.codec.writes(snap, to)
	if err != nil {
		return record.Change{}, nil, err
	}
	docs, err := r.flagWrites(snap, flags)
	if err != nil {
		return record.Change{}, nil, err
	}
	change := record.Change{From: from, To: to.Clone()}
	var ops []store.Op
	change.Keys, ops = operations(append(writes, docs...))
	change.Digest = Digest(change)
	return change, ops, nil
}

// operations carry out writes: those that change nothing are checked.
func operations(writes []write) (keys []record.KeyChange, ops []store.Op) {
	for _, w := range writes {
		if !w.changes() {
			ops = append(ops, store.Op{Verb: store.Check, Key: w.key, Index: w.index})
			continue
		}
		ops = append(ops, store.Op{Verb: store.Set, Key: w.key, Value: []byte(w.to), Index: w.index})
		keys = append(keys, record.KeyChange{Key: w.key, From: w.from, To: w.to, Index: w.index})
	}
	return keys, ops
}

// Digest is the "sha256:…" over a change's From, To and Keys that an approval is
// bound to: the same change of the same keys at the same indexes, and nothing else.
func Digest(c record.Change) string {
	c.Digest = ""
	text, err := json.Marshal(c)
	if err != nil {
		panic("marshal a change: " + err.Error()) // strings and integers only
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// validateSplit refuses a split that we must not write.
func validateSplit(s record.Split) error {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		switch w := s[name]; {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			return fmt.Errorf("plan split: %q is no backend's name", name)
		case w < 0 || w > 100:
			return fmt.Errorf("plan split: %s would get %v of 100", name, w)
		}
	}
	if sum := s.Sum(); sum != runbook.All {
		return fmt.Errorf("plan split: the shares sum to %v and must sum to 100", sum)
	}
	return nil
}
