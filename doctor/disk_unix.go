//go:build linux || darwin || freebsd

package doctor

import (
	"fmt"
	"syscall"
)

// freeSpace is how many bytes the file system of a path has left for the daemon.
func freeSpace(path string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", path, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
