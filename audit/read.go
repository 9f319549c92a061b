package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// What is read of an evidence folder, at most.
const (
	MostManifest = 1 << 20 // bytes of a manifest
	mostFile     = 1 << 30 // bytes of one file
	mostBytes    = 4 << 30 // of all
	mostFiles    = 1_000   // in a folder, and in its manifest
	mostName     = 4 << 10 // bytes of a file's name
)

var errNotPlain = errors.New("not a plain file")

// openPlain opens a file below root that is a plain one: a link is not followed, and nobody waits
// at a pipe.
func openPlain(root *os.Root, name string) (*os.File, os.FileInfo, error) {
	was, err := root.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !was.Mode().IsRegular() {
		return nil, nil, errNotPlain
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	is, err := f.Stat()
	if err == nil && !os.SameFile(was, is) {
		err = errNotPlain // it was exchanged meanwhile
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, is, nil
}

// readBounded returns a plain file's content.
func readBounded(root *os.Root, name string, most int64) ([]byte, error) {
	f, info, err := openPlain(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > most {
		return nil, tooLarge(most)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = tooLarge(most)
	}
	return text, err
}

func tooLarge(most int64) error { return fmt.Errorf("larger than %d MiB", most>>20) }

// readIn is readBounded for a folder by its path.
func readIn(dir, name string, most int64) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readBounded(root, name, most)
}

// openAlone opens a file by its path, if it is a plain one and no link.
func openAlone(path string, flag int, mode os.FileMode) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, errNotPlain)
	}
	f, err := os.OpenFile(path, flag|noFollow|syscall.O_NONBLOCK, mode)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, errNotPlain), err, f.Close())
	}
	return f, nil
}
