//go:build faultpoint

package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// faultPoint ends the process with SIGKILL the first time it reaches a boundary that
// AUTOROLLBACK_FAULT names, one or several with commas between them.
// AUTOROLLBACK_FAULT_MARK is a file that remembers, with the boundary's name after it if
// there are several, so that the next process gets beyond. Only the crash tests build this.
func faultPoint(name string) {
	mark, names := os.Getenv("AUTOROLLBACK_FAULT_MARK"), strings.Split(os.Getenv("AUTOROLLBACK_FAULT"), ",")
	if mark == "" || !slices.Contains(names, name) {
		return
	}
	if len(names) > 1 {
		mark += "-" + name
	}
	f, err := os.OpenFile(filepath.Clean(mark), os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	f.Close()
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
