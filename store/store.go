// Package store is one small transactional key-value store: read prefixes in one
// consistent snapshot, watch a prefix, commit a transaction of check-and-set
// operations. It has two implementations: Consul's KV and an embedded bbolt file.
//
// It never writes without a check, never retries a decision, and knows nothing of
// what the values mean.
package store

import (
	"context"
	"errors"
	"sort"
	"strings"
)

// A Store keeps every key this program reads or writes, the router's own included.
type Store interface {
	// Read returns all entries under the prefixes as they were at one moment, read
	// consistently: it never returns a value that a completed Commit replaced.
	// It fails rather than return a tree with entries hidden by access rules.
	Read(ctx context.Context, prefixes ...string) (Snapshot, error)

	// Watch returns the entries under prefix once something under it has changed
	// after the index, or when some time has passed (the entries may then be the
	// same). Index 0 returns at once. An index that went backwards (a restored
	// backup) returns as a change.
	Watch(ctx context.Context, prefix string, after uint64) (Snapshot, error)

	// Commit applies every operation of the transaction, or none. It returns nil if
	// it was applied; an error wrapping [ErrConflict] if a check failed: nothing was
	// written and nothing will be; an error wrapping [ErrUnsettled] if ctx ended
	// before an unclear answer could be settled: it may have happened, or may yet
	// happen. Any other error means that nothing was written.
	Commit(ctx context.Context, tx Tx) error
}

// Lacks says why the store can have no such keys, whoever asks it, and what to do; nil: none is known
// to be impossible.
func Lacks(s Store, keys ...string) error {
	if l, ok := s.(interface{ Lacks(keys ...string) error }); ok {
		return l.Lacks(keys...)
	}
	return nil
}

// MaxOps is the most operations a transaction may have (Consul's limit is 128 since
// 1.14 and 64 before; some are kept for our own bookkeeping).
const MaxOps = 60

var (
	// ErrConflict means a key is not at the index the transaction was decided on.
	// Read everything again and decide again.
	ErrConflict = errors.New("changed since it was read")
	// ErrUnsettled means that a write may or may not have happened.
	ErrUnsettled = errors.New("outcome unknown")
)

// Tx is one transaction. ID is unique to it (128 random bits, hex): an unclear
// answer is settled by looking for it.
type Tx struct {
	ID  string
	Ops []Op
}

// Verb is what an operation does.
type Verb int

const (
	Set    Verb = iota // write Value if the key is at Index
	Delete             // delete if the key is at Index
	Check              // only demand that the key is at Index
)

// An Op is one checked operation. Index is the entry's index as it was read; 0 means
// that the key must not exist.
type Op struct {
	Verb  Verb
	Key   string
	Value []byte
	Index uint64
}

// Entry is a key with its value. Index grows with each change of the value.
type Entry struct {
	Key   string
	Value []byte
	Index uint64
}

// Snapshot is the entries under some prefixes at one moment, sorted by key.
type Snapshot struct {
	Index   uint64 // to watch from
	Entries []Entry
}

// Get returns the entry of that key.
func (s Snapshot) Get(key string) (Entry, bool) {
	i := sort.Search(len(s.Entries), func(i int) bool { return s.Entries[i].Key >= key })
	if i < len(s.Entries) && s.Entries[i].Key == key {
		return s.Entries[i], true
	}
	return Entry{}, false
}

// Under returns the entries whose keys begin with the prefix, sorted.
func (s Snapshot) Under(prefix string) []Entry {
	from := sort.Search(len(s.Entries), func(i int) bool { return s.Entries[i].Key >= prefix })
	to := from
	for to < len(s.Entries) && strings.HasPrefix(s.Entries[to].Key, prefix) {
		to++
	}
	return s.Entries[from:to]
}

// Root is the prefix of all our own keys. Router keys live elsewhere.
const Root = "autorollback/v1/"

// The keys of our records.
const (
	ControlKey  = Root + "control"
	BudgetKey   = Root + "budget"
	WatchdogKey = Root + "watchdog" // when the watchdog was last received by webhook
	// InstallationKey tells one store from another.
	InstallationKey = Root + "installation"
)

// ReleaseKey is the key of the release of a service in a region.
func ReleaseKey(service, region string) string { return Root + "release/" + service + "/" + region }

// IncidentKey is the key of an incident.
func IncidentKey(id string) string { return Root + "incident/" + id }

// ApprovalKey is the key of an approval.
func ApprovalKey(id string) string { return Root + "approval/" + id }

// OutboxKey is the key of a message.
func OutboxKey(id string) string { return Root + "outbox/" + id }

// PendingKey is the key of a rollback of a region whose store did not answer.
func PendingKey(id string) string { return Root + "pending/" + id }

// ControlSeenKey is the key of what the daemon last saw at [ControlKey].
const ControlSeenKey = Root + "seen/control"

// WaitingKey is the key of an order that waits for a second person.
func WaitingKey(id string) string { return Root + "waiting/" + id }

// PagedKey is the key by which every replica knows that people were paged.
func PagedKey(id string) string { return Root + "paged/" + id }

// OrderKey is the key of an entry of the order log.
func OrderKey(id string) string { return Root + "order/" + id }

// AnchorKey is the key of the head of a replica's journal.
func AnchorKey(replica string) string { return Root + "anchor/" + replica }

// MirrorKey is the key of the mirror of a service in a region.
func MirrorKey(service, region string) string { return Root + "mirror/" + service + "/" + region }

// BundleKey is the key of a bundle's manifest.
func BundleKey(digest string) string { return Root + "bundle/" + digest }

// ShadowKey is the key of the shadow verdict about a candidate bundle.
func ShadowKey(digest string) string { return Root + "shadow/" + digest }

// QuarantineKey is the key of a bundle's quarantine.
func QuarantineKey(digest string) string { return Root + "quarantine/" + digest }

// BehindKey is the key of a target of which more is known than its store has.
func BehindKey(service, region string) string { return Root + "behind/" + service + "/" + region }

// RulesKey is the key of a service whose rules in Prometheus are not the runbook's.
func RulesKey(service string) string { return Root + "rules/" + service }
