package shadow

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// One million pairs are read from a file, compared and judged: how fast, and with how
// much memory at most. Run it with -benchtime 1x.
func BenchmarkCompareMillion(b *testing.B) {
	const n = 1_000_000
	path := filepath.Join(b.TempDir(), "pairs.jsonl")
	writeWorld(b, path, n)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		runtime.GC()
		began, cpu, peak := time.Now(), cpuSeconds(), uint64(0)
		var run Run
		r, err := Compare(worldPlan(), Subject{"ranker", "sha256:c", "sha256:s"}, watched(ReadPairs(path, &run, nil), &peak), &run, Bad{}, began)
		if err != nil || r.Counts.Compared != n {
			b.Fatal(err, r)
		}
		b.ReportMetric(n/time.Since(began).Seconds(), "requests/s")
		if used := cpuSeconds() - cpu; used > 0 { // on a busy machine this is what compares
			b.ReportMetric(n/used, "requests/cpu-s")
		}
		b.ReportMetric(float64(peak)/(1<<20), "peak-heap-MiB")
	}
	b.ReportMetric(peakRSS(), "peak-rss-MiB")
}

func writeWorld(tb testing.TB, path string, n int) {
	tb.Helper()
	w := newWorld(1, n)
	run := Run{Ended: true}
	if err := WritePairs(path, PairHeader{Kind: "join"}, w.pairs(), &run); err != nil {
		tb.Fatal(err)
	}
}

// watched looks at the heap every 20,000 pairs.
func watched(pairs iter.Seq2[Pair, error], peak *uint64) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
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

// peakRSS returns the process' greatest resident memory in MiB, where the system tells.
func peakRSS() float64 {
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

// What replaying costs by itself: three calls over loopback for each request, to
// servers that do nothing.
func BenchmarkReplay(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"score":0.5}`) }))
	defer server.Close()
	dir := b.TempDir()
	file := filepath.Join(dir, "recording.jsonl")
	var text strings.Builder
	for i := range b.N {
		fmt.Fprintf(&text, `{"id":"r%d","request":{"method":"POST","path":"/predict","body":{"x":%d}}}`+"\n", i, i)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	r := Replay{
		Recordings: []string{file}, Candidate: server.URL, Stable: server.URL, Permyriad: 10_000, Parallel: 8, Timeout: 10 * time.Second,
		Allow: []Allow{{"POST", "/predict"}}, Output: filepath.Join(dir, "pairs.jsonl"),
	}
	b.ResetTimer()
	began := time.Now()
	if _, err := r.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "requests/s")
}

// BenchmarkPair is one pair's way through the comparison, bodies decoded, without the
// file; in the same run [json.Unmarshal] of its three bodies alone, as the scale.
func BenchmarkPair(b *testing.B) {
	w := newWorld(1, 1000)
	var all []Pair
	for p := range w.pairs() {
		all = append(all, p)
	}
	b.Run("compare", func(b *testing.B) {
		c, err := newComparison(worldPlan())
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; b.Loop(); i++ {
			c.add(&all[i%len(all)])
		}
	})
	b.Run("unmarshal alone", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			p := &all[i%len(all)]
			for _, body := range []Body{p.Stable.Body, p.Candidate.Body, p.Again.Body} {
				var v any
				if err := json.Unmarshal(body, &v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
