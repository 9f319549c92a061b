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
	if err := inspect(path); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := openBolt(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, explain(err))
	}
	index, err := prepare(db)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open store %s: %w", path, explain(err))
	}
	return &File{db: db, maxWait: opts.maxWait, news: newNews(index)}, nil
}

// inspect refuses an empty file: bbolt would take it for a new one, and all that
// was in it would be forgotten without a word.
func inspect(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	case info.Size() == 0:
		return fmt.Errorf("%s is empty: restore it, or remove it to begin anew", path)
	}
	return nil
}

func openBolt(path string, opts fileOptions) (db *bbolt.DB, err error) {
	defer catch(&err)()
	return bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: time.Second,
		MaxSize: opts.maxSize,
	})
}

// prepare makes the bucket in a new file and reads every entry of an old one.
func prepare(db *bbolt.DB) (index uint64, err error) {
	defer catch(&err)()
	if err := db.Update(begin); err != nil && !errors.Is(err, errSame) {
		return 0, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		index = b.Sequence()
		return b.ForEach(func(k, v []byte) error {
			_, err := decode(k, v)
			return err
		})
	})
	return index, errors.Join(err, syncFolder(filepath.Dir(db.Path())))
}

// begin starts the index at 1, since 0 means "no key" and "return at once".
func begin(tx *bbolt.Tx) error {
	if tx.Bucket(bucket) != nil {
		return errSame
	}
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

var errCorrupt = errors.New("the file is corrupt and was left as it is; restore it from a backup, or move it away to begin anew")

// catch turns bbolt's panics about wrong pages, and faults beyond the end of a
// file cut short, into an error.
func catch(err *error) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			*err = fmt.Errorf("%w (%v)", errCorrupt, r)
		}
	}
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
