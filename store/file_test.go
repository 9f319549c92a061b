package store

import (
	"path/filepath"
	"testing"
	"time"
)

func TestFileConforms(t *testing.T) {
	conformance(t, func(t *testing.T) Store { return tempFile(t) })
}

func tempFile(t testing.TB) *File {
	t.Helper()
	f, err := openFile(filepath.Join(t.TempDir(), "store.db"), fileOptions{maxWait: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
