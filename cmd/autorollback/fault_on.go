//go:build faultpoint

package main

import (
	"os"
	"path/filepath"
	"syscall"
)

// faultPoint ends the process with SIGKILL the first time it reaches the boundary
// that AUTOROLLBACK_FAULT names. AUTOROLLBACK_FAULT_MARK is a file that remembers, so
// that the next process lives. Only the crash tests build this.
func faultPoint(name string) {
	mark := os.Getenv("AUTOROLLBACK_FAULT_MARK")
	if name != os.Getenv("AUTOROLLBACK_FAULT") || mark == "" {
		return
	}
	f, err := os.OpenFile(filepath.Clean(mark), os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	f.Close()
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
