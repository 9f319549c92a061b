package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/autorollback/autorollback/store"
)

// A transaction rests on what was read: once somebody else has written one of its keys,
// nothing of it is written.
func ExampleFile_Commit() {
	dir, err := os.MkdirTemp("", "store-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := store.OpenFile(filepath.Join(dir, "autorollback.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	ctx := context.Background()
	set := func(index uint64, weights string) error {
		op := store.Op{Verb: store.Set, Key: "routes/ranker/weights", Value: []byte(weights), Index: index}
		return s.Commit(ctx, store.NewTx(op))
	}
	fmt.Println(set(0, "v1 95, v2 5")) // index 0: the key is not there yet
	snap, err := s.Read(ctx, "routes/")
	if err != nil {
		fmt.Println(err)
		return
	}
	en, _ := snap.Get("routes/ranker/weights")
	fmt.Println(set(en.Index, "v1 100"))
	fmt.Println(errors.Is(set(en.Index, "v1 50, v2 50"), store.ErrConflict))
	// Output:
	// <nil>
	// <nil>
	// true
}
