package web

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/autorollback/autorollback/runbook"
	"go.uber.org/zap"
)

// maxFile bounds what is read of a file of ours.
const maxFile = 1 << 20

// A reread file is read again at every question, so that an edit counts at once, and parsed only
// if it has changed. What cannot be used later (half written, gone for a moment) leaves in force
// what was valid before, and is logged.
type reread[T any] struct {
	path  string // empty: there is no file, and the zero T stands for it
	parse func(path string, text []byte) (T, error)
	log   *zap.Logger

	mu    sync.Mutex
	seen  bool
	sum   [sha256.Size]byte // of the text last read, good or bad
	err   error             // what was wrong with it
	valid bool              // value was parsed from some text
	value T
}

// get is what holds now; an error if there never was anything valid.
func (f *reread[T]) get() (T, error) {
	if f.path == "" {
		return f.value, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	text, err := readFile(f.path)
	if sum := sha256.Sum256(text); err != nil || !f.seen || sum != f.sum || f.err != nil {
		f.take(text, sum, err)
	}
	if f.valid {
		return f.value, nil
	}
	return f.value, f.err
}

// take parses what was read, or notes why it cannot be used; the same reason is logged once.
func (f *reread[T]) take(text []byte, sum [sha256.Size]byte, err error) {
	var value T
	if err == nil {
		value, err = f.parse(f.path, text)
	}
	f.seen, f.sum = true, sum
	if err == nil {
		f.value, f.valid, f.err = value, true, nil
		return
	}
	if f.valid && (f.err == nil || f.err.Error() != err.Error()) {
		f.log.Error("file not read again; what was valid before stays in force", zap.String("file", f.path), zap.Error(err))
	}
	f.err = err
}

// readFile reads a file that nobody but its owner and group may change: it says who may do what.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 {
		return nil, fmt.Errorf("%s: everybody on this machine may change it; run: chmod o-w %s", path, path)
	}
	text, err := runbook.ReadFile(path, maxFile)
	return bytes.TrimPrefix(text, []byte("\ufeff")), err
}
