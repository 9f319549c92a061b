package autorollback_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	largestFile    = 256 << 10 // bytes; the largest is a go.sum of test/servers
	largestPicture = 60_000
)

// No binaries and nothing large are committed: a program that `go build` left was, once.
func TestTheRepositoryHoldsTextOnly(t *testing.T) {
	files := committed(t)
	if len(files) < 500 {
		t.Fatalf("only %d files are seen", len(files))
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // deleted, and not yet committed
		}
		if len(text) > largestFile {
			t.Errorf("%s has %d bytes, and the most is %d", name, len(text), largestFile)
		}
		if strings.HasPrefix(name, "docs/pictures/") {
			if len(text) > largestPicture || !bytes.HasPrefix(text, []byte("RIFF")) {
				t.Errorf("%s is no small WebP: it has %d bytes", name, len(text))
			}
			continue
		}
		if !strings.Contains(name, "testdata/") && (!utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0) {
			t.Errorf("%s is no text", name)
		}
	}
}

// committed are the files that git knows; all of them where the tree is not git's.
func committed(t *testing.T) (files []string) {
	if out, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z").Output(); err == nil {
		return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
