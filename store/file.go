package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// A File is a store in one bbolt file, for one process on one machine. Every
// commit is on the disk before it is acknowledged.
type File struct {
	db      *bbolt.DB
	maxWait time.Duration
	news    *news
	writing sync.Mutex // so that commits are published in their order
}

var _ Store = (*File)(nil)

// Read implements [Store].
func (f *File) Read(ctx context.Context, prefixes ...string) (Snapshot, error) {
	kept, err := disjoint(prefixes)
	if err != nil {
		return Snapshot{}, fmt.Errorf("read: %w", err)
	}
	if err := inFile(kept...); err != nil {
		return Snapshot{}, fmt.Errorf("read: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Snapshot{}, fmt.Errorf("read: %w", err)
	}
	var snap Snapshot
	err = f.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		snap.Index = b.Sequence()
		for _, prefix := range kept {
			if err := gather(b, prefix, &snap); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Snapshot{}, fmt.Errorf("read %s: %w", f.db.Path(), err)
	}
	return snap, nil
}

// Lacks says why a file can have no such keys.
func (*File) Lacks(keys ...string) error { return inFile(keys...) }

// inFile refuses the keys of another place: a file has none.
func inFile(keys ...string) error {
	for _, key := range keys {
		if place := Place(key); place != "" {
			return fmt.Errorf("key %q: there is no %s in a file; use --store=consul://HOST:PORT", key, place)
		}
	}
	return nil
}

func gather(b *bbolt.Bucket, prefix string, into *Snapshot) error {
	c := b.Cursor()
	for k, v := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
		e, err := decode(k, v)
		if err != nil {
			return err
		}
		into.Entries = append(into.Entries, e)
	}
	return nil
}

// Commit implements [Store].
func (f *File) Commit(ctx context.Context, tx Tx) error {
	if err := tx.check(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := inFile(tx.Ops[0].Key); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	var made change
	var refused error
	err := f.db.Update(func(btx *bbolt.Tx) error {
		made, refused = apply(btx.Bucket(bucket), tx.Ops)
		return refused
	})
	switch {
	case errors.Is(refused, errSame):
		return nil
	case refused != nil:
		return fmt.Errorf("commit: %w", refused)
	case err != nil:
		err = f.settle(made, err)
		if !errors.Is(err, ErrUnsettled) {
			return err
		}
	}
	f.news.publish(made)
	return err
}

// settle says what a commit that the disk did not confirm has come to. If it can
// be seen, then only whether it survives a power cut is open.
func (f *File) settle(made change, cause error) error {
	var index uint64
	err := f.db.View(func(tx *bbolt.Tx) error {
		index = tx.Bucket(bucket).Sequence()
		return nil
	})
	if err != nil || index < made.index {
		return fmt.Errorf("commit to %s: %w", f.db.Path(), cause)
	}
	return fmt.Errorf("commit to %s: %w: %w", f.db.Path(), ErrUnsettled, cause)
}

// Watch implements [Store]. It returns after thirty seconds at the latest.
func (f *File) Watch(ctx context.Context, prefix string, after uint64) (Snapshot, error) {
	if err := f.await(ctx, prefix, after); err != nil {
		return Snapshot{}, fmt.Errorf("watch %s: %w", prefix, err)
	}
	return f.Read(ctx, prefix)
}

func (f *File) await(ctx context.Context, prefix string, after uint64) error {
	if err := checkKey(prefix); err != nil {
		return err
	}
	now, err := f.Read(ctx, prefix)
	if err != nil || after > now.Index {
		return err
	}
	late := time.NewTimer(f.maxWait)
	defer late.Stop()
	for {
		hit, next, err := f.news.since(prefix, after)
		if hit || err != nil {
			return err
		}
		select {
		case <-next:
		case <-late.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends every Watch and lets other processes open the file.
func (f *File) Close() error {
	f.news.close()
	return f.db.Close()
}
