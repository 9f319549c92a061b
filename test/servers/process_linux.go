package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// attributes lets no server outlive the test program, even one that timed out
// and so ran no cleanup.
func attributes(last syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: last}
}

// halted returns an error while a thread of the process still runs.
func halted(pid int) error {
	stats, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/stat"))
	if err != nil || len(stats) == 0 {
		return fmt.Errorf("process %d has no threads", pid)
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		// The state follows the command's name, which may hold anything.
		_, after, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
		if !strings.HasPrefix(after, "T") {
			return fmt.Errorf("a thread of process %d is in state %.1s", pid, after)
		}
	}
	return nil
}
