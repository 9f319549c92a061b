//go:build unix

package audit

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// noFollow makes opening a link an error.
const noFollow = syscall.O_NOFOLLOW

// names is how many names a file has.
func names(info os.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink) //nolint:unconvert // it is a uint16 elsewhere
	}
	return 1
}

// lock takes the file for this process until it is closed; the system lets go of it
// when the process dies.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another process writes it; give each daemon a journal of its own")
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
