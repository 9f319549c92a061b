package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

var bucket = []byte("kv")

// fileOptions are what tests may change.
type fileOptions struct {
	maxWait time.Duration // of a Watch
	maxSize int           // of the file in bytes, 0 for no limit
}

// OpenFile opens the store in that file and creates the file if it does not
// exist; its folder must exist. It fails if another process has the file open,
// and refuses a corrupt file and leaves it as it is.
func OpenFile(path string) (*File, error) {
	return openFile(path, fileOptions{maxWait: 30 * time.Second})
}

func openFile(path string, opts fileOptions) (*File, error) {
	if err := examine(path); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, explain(err))
	}
	db, err := openBolt(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, explain(err))
	}
	index, err := prepare(db)
	if err == nil {
		err = db.View(consistent)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return &File{db: db, maxWait: opts.maxWait, news: newNews(index)}, nil
}

func openBolt(path string, opts fileOptions) (db *bbolt.DB, err error) {
	defer guard(&err)()
	return bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, MaxSize: opts.maxSize})
}

// prepare makes the bucket if the file is new, and returns the store's index.
func prepare(db *bbolt.DB) (index uint64, err error) {
	err = db.Update(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(bucket); b != nil {
			index = b.Sequence()
			return errSame
		}
		index = 1
		return begin(tx)
	})
	if errors.Is(err, errSame) {
		return index, nil
	}
	return index, errors.Join(err, syncFolder(filepath.Dir(db.Path())))
}

// begin starts the index at 1, since 0 means "no key" and "return at once".
func begin(tx *bbolt.Tx) error {
	if first, _ := tx.Cursor().First(); first != nil {
		return errors.New("the file belongs to another program")
	}
	b, err := tx.CreateBucket(bucket)
	if err != nil {
		return err
	}
	return b.SetSequence(1)
}

// syncFolder makes a new file's name outlive a power cut.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

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
	return errors.Join(db.View(readAll), db.Close())
}

// readAll reads every entry. bbolt's own check comes only after that and after
// bbolt has read its list of free pages, since it follows a wrong page number
// wherever it points, in a goroutine where that cannot be caught.
func readAll(tx *bbolt.Tx) (err error) {
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
