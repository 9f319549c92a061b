package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
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
