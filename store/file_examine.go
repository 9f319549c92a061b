package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

var errCorrupt = errors.New("the file is corrupt and was left as it is: restore it from a backup, or move it away to begin anew")

// examine reads all of an existing file without writing, since bbolt checks only
// its first pages when it opens one, and panics over the others later.
func examine(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a file")
	case info.Size() == 0: // for bbolt a new one: all would be forgotten without a word
		return errors.New("it is empty: restore it from a backup, or remove it to begin anew")
	}
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return err
	}
	return errors.Join(db.View(whole), db.Close())
}

// whole reads every entry. bbolt's own check comes only after that and after
// bbolt has read its list of free pages, since it follows a wrong page number
// wherever it points, in a goroutine where that cannot be caught.
func whole(tx *bbolt.Tx) (err error) {
	defer guard(&err)()
	info, err := os.Stat(tx.DB().Path())
	if err != nil {
		return err
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("%w (%d bytes of %d are left)", errCorrupt, info.Size(), tx.Size())
	}
	return readable(tx.Bucket(bucket))
}

func consistent(tx *bbolt.Tx) (err error) {
	for problem := range tx.Check() {
		err = problem // all must be read, or bbolt's goroutine waits for ever
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", errCorrupt, err)
	}
	return nil
}

// guard makes an error of bbolt's panics over wrong pages, and of following a
// wrong page number to where there is no memory.
func guard(err *error) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			*err = fmt.Errorf("%w (%v)", errCorrupt, r)
		}
	}
}

func readable(b *bbolt.Bucket) error {
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, v []byte) error {
		_, err := decode(k, v)
		return err
	})
}

func explain(err error) error {
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return errors.New("another process has it open")
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum),
		errors.Is(err, bbolterrors.ErrVersionMismatch), errors.Is(err, errChecksum):
		return fmt.Errorf("%w (%w)", errCorrupt, err)
	}
	return err
}
