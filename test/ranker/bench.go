package ranker

import (
	"bufio"
	"iter"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/shadow"
)

func WriteFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// PeakRSS returns the process' greatest resident memory in MiB, where the system tells.
func PeakRSS() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err == nil {
				return kb / 1024
			}
		}
	}
	return 0
}

// Watched looks at the heap every 20,000 pairs.
func Watched(pairs iter.Seq2[shadow.Pair, error], peak *uint64) iter.Seq2[shadow.Pair, error] {
	return func(yield func(shadow.Pair, error) bool) {
		i := 0
		for p, err := range pairs {
			if i++; i%20_000 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				*peak = max(*peak, m.HeapInuse)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}
