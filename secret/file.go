package secret

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// maxFile is how long a file of secrets may be, in bytes.
const maxFile = 64 << 10

// Readers are who may read a file of secrets beside its owner. Nobody else may ever write it.
type Readers fs.FileMode

const (
	// Group lets the file's group read: Alertmanager needs the receiver's token too.
	Group Readers = 0o040
	// Owner is for keys that are the daemon's alone. Of a file that belongs to another user, which is how
	// Kubernetes mounts a Secret with fsGroup, the group may read.
	Owner Readers = 0
)

// Check reports whether the file of a secret may be used: a regular one whose mode keeps everybody
// out but its readers. Of a link it is the mode of what it leads to.
func Check(path string, readers Readers) error {
	f, err := open(path, readers)
	if err != nil {
		return err
	}
	return f.Close()
}

// Read is the text of the file of a secret, if [Check] allows its use.
func Read(path string, readers Readers) ([]byte, error) {
	f, err := open(path, readers)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d KiB", path, maxFile>>10)
	}
	return text, err
}

// open asks the open file, not the path, so that nobody can swap it in between, and does not wait
// for the other end of a pipe.
func open(path string, readers Readers) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = refuse(path, info, readers)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func refuse(path string, info fs.FileInfo, readers Readers) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	mode := info.Mode().Perm()
	if !ours(info) {
		readers = Group
	}
	if runtime.GOOS == "windows" || mode&0o077&^fs.FileMode(readers) == 0 {
		return nil
	}
	return fmt.Errorf("%s: its mode is %04o, so users other than its owner may %s it; run: chmod 600 %s (in Kubernetes: defaultMode: 0440, and an fsGroup)",
		path, mode, verbs(mode&^fs.FileMode(readers)), path)
}

// verbs say what others may do.
func verbs(mode fs.FileMode) string {
	var may []string
	for _, v := range []struct {
		bits fs.FileMode
		verb string
	}{{0o044, "read"}, {0o022, "change"}, {0o011, "run"}} {
		if mode&v.bits != 0 {
			may = append(may, v.verb)
		}
	}
	return strings.Join(may, " and ")
}
