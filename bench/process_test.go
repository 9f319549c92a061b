package bench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var long = flag.Bool("long", false, "run the benchmarks that wait for minutes of real time as well")

func needsLong(b *testing.B) {
	if !*long {
		b.Skip("takes minutes: go test ./bench -run '^$' -long -benchtime 1x -timeout 1h -bench " + b.Name())
	}
}

// cpuOf is the processor time that a process has used, in seconds: of another one what its
// threads have run, to the nanosecond. What a thread used that has ended is not in it; Go
// keeps its threads.
func cpuOf(pid int) float64 {
	if pid == os.Getpid() {
		var used syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
	}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	sum := 0.0
	for _, file := range threads {
		text, _ := os.ReadFile(file) // it may have ended
		ns, _, _ := strings.Cut(string(text), " ")
		ran, _ := strconv.ParseFloat(ns, 64)
		sum += ran / 1e9
	}
	return sum
}

// memoryOf is what a process has resident, now (VmRSS) or at most so far (VmHWM), in MiB.
func memoryOf(pid int, what string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(text), what+":")
	var kB float64
	_, _ = fmt.Sscan(after, &kB)
	return kB / 1024
}
