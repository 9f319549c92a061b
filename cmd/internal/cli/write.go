package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes a file whole or not at all, and makes its folder if it is not there. What is no plain file
// there, as /dev/stdout, is written to as it is.
func WriteFile(path string, text []byte) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, text, 0o644)
	}
	return placed(path, text, os.Rename)
}

// WriteNew is WriteFile for a file that must not be there yet.
func WriteNew(path string, text []byte) error {
	return placed(path, text, func(from, to string) error {
		if err := os.Link(from, to); err != nil { // unlike Rename it replaces nothing
			return err
		}
		return os.Remove(from)
	})
}

// placed writes a file beside its place, and puts it there.
func placed(path string, text []byte, put func(from, to string) error) error {
	path = filepath.Clean(path)
	if err := MakeFolder(path); err != nil {
		return err
	}
	f, err := os.OpenFile(fmt.Sprintf("%s.partial-%d", path, os.Getpid()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = Join(err, f.Close()); err == nil {
		err = put(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return err
}

// MakeFolder makes the folder that a file is to be in.
func MakeFolder(path string) error { return os.MkdirAll(filepath.Dir(path), 0o755) }
