//go:build faultpoint

package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
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

// now is the machine's clock, and off by the duration in the file that AUTOROLLBACK_FAULT_CLOCK
// names while there is one. It is the clock that is compared with that of Prometheus.
func now() time.Time {
	text, err := os.ReadFile(os.Getenv("AUTOROLLBACK_FAULT_CLOCK"))
	if err != nil {
		return time.Now()
	}
	off, _ := time.ParseDuration(strings.TrimSpace(string(text))) // none that cannot be read
	return time.Now().Add(off)
}
