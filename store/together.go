package store

import (
	"errors"
	"slices"
	"strings"
)

// Together reads keys of another place together with the store's own, as they were at one
// moment: the other place before and after them, until nothing was written there meanwhile. What
// was read later than a record may be newer than what the record speaks of, and what was read
// earlier may be older.
func Together(elsewhere func() ([]Entry, error), own func() (Snapshot, error)) (Snapshot, error) {
	before, err := elsewhere()
	for range 10 {
		if err != nil {
			return Snapshot{}, err
		}
		var snap Snapshot
		if snap, err = own(); err != nil {
			return snap, err
		}
		var after []Entry
		if after, err = elsewhere(); err == nil && slices.EqualFunc(before, after, same) {
			snap.Entries = append(snap.Entries, after...)
			slices.SortFunc(snap.Entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
			return snap, nil
		}
		before = after
	}
	return Snapshot{}, errors.Join(errors.New("what is kept elsewhere changes at every look"), err)
}

func same(a, b Entry) bool { return a.Key == b.Key && a.Index == b.Index }
