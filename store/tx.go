package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MaxBytes is the most bytes that the keys and values of a transaction may have
// together. Consul refuses a request of more than 512 KiB after base64, which
// adds a third, and each operation brings its names.
const MaxBytes = 360 << 10

// NewTx returns a transaction of these operations with an ID of its own.
func NewTx(ops ...Op) Tx {
	var id [16]byte
	rand.Read(id[:])
	return Tx{ID: hex.EncodeToString(id[:]), Ops: ops}
}

// Consul's two ways to write disagree about other names: one of them cleans a
// path, the other does not, and then one string is two keys.
var allowed = regexp.MustCompile(`^[A-Za-z0-9._@:/-]+$`)

func checkKey(key string) error {
	if rest, found := strings.CutPrefix(key, ConfigEntry+"://"); found {
		if kind, name, ok := strings.Cut(rest, "/"); !ok || kind == "" || name == "" || strings.Contains(name, "/") {
			return fmt.Errorf("key %q: write %s://KIND/NAME", key, ConfigEntry)
		}
		return checkKey(rest)
	}
	switch {
	case key == "":
		return errors.New("a key may not be empty")
	case !allowed.MatchString(key):
		return fmt.Errorf("key %q: only A-Z a-z 0-9 . _ @ : / - may stand in a key", key)
	case strings.HasPrefix(key, "/"), strings.Contains(key, "//"), strings.Contains(key, ".."),
		strings.Contains("/"+key+"/", "/./"):
		return fmt.Errorf("key %q: a key may not begin with / nor have // or /./ or .. in it", key)
	}
	return nil
}

// check finds what no store could do, so that all stores refuse the same.
func (tx Tx) check() error {
	switch {
	case tx.ID == "":
		return errors.New("the transaction has no ID")
	case len(tx.Ops) == 0:
		return errors.New("the transaction has no operations")
	case len(tx.Ops) > MaxOps:
		return fmt.Errorf("the transaction has %d operations, %d is the most", len(tx.Ops), MaxOps)
	}
	size, seen := 0, make(map[string]bool, len(tx.Ops))
	for _, op := range tx.Ops {
		if err := op.check(); err != nil {
			return err
		}
		if Place(op.Key) != "" && (len(tx.Ops) > 1 || op.Verb != Set) {
			return fmt.Errorf("key %q cannot be in a transaction with others, nor be deleted or checked", op.Key)
		}
		if seen[op.Key] {
			return fmt.Errorf("key %q is twice in the transaction", op.Key)
		}
		seen[op.Key] = true
		size += len(op.Key) + len(op.Value)
	}
	if size > MaxBytes {
		return fmt.Errorf("the transaction is too large: %d bytes, %d is the most", size, MaxBytes)
	}
	return nil
}

func (op Op) check() error {
	if op.Verb < Set || op.Verb > Check {
		return fmt.Errorf("key %q: unknown verb %d", op.Key, op.Verb)
	}
	return checkKey(op.Key)
}

// disjoint returns the prefixes sorted and without those that another one
// covers, so that reading one after the other gives sorted keys, each once.
func disjoint(prefixes []string) ([]string, error) {
	if len(prefixes) == 0 {
		return nil, errors.New("no prefix was asked for")
	}
	sorted := slices.Sorted(slices.Values(prefixes))
	var kept []string
	for _, prefix := range sorted {
		if err := checkKey(prefix); err != nil {
			return nil, err
		}
		if last := len(kept) - 1; last < 0 || !covers(kept[last], prefix) {
			kept = append(kept, prefix)
		}
	}
	return kept, nil
}

func covers(prefix, key string) bool {
	return strings.HasPrefix(key, prefix) && (Place(prefix) == "" || key == prefix)
}

func conflict(key string, found, wanted uint64) error {
	return fmt.Errorf("key %q is at index %d, not %d: %w", key, found, wanted, ErrConflict)
}
