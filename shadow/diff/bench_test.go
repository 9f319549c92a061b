package diff

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
	"github.com/autorollback/autorollback/test/ranker"
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
		began, cpu, peak := time.Now(), ranker.CpuSeconds(), uint64(0)
		var run shadow.Run
		r, err := Compare(ranker.Plan(), Subject{"ranker", "sha256:c", "sha256:s"}, ranker.Watched(recording.ReadPairs(path, &run, nil), &peak), &run, shadow.Bad{}, began)
		if err != nil || r.Counts.Compared != n {
			b.Fatal(err, r)
		}
		b.ReportMetric(n/time.Since(began).Seconds(), "requests/s")
		if used := ranker.CpuSeconds() - cpu; used > 0 { // on a busy machine this is what compares
			b.ReportMetric(n/used, "requests/cpu-s")
		}
		b.ReportMetric(float64(peak)/(1<<20), "peak-heap-MiB")
	}
	b.ReportMetric(ranker.PeakRSS(), "peak-rss-MiB")
}

func writeWorld(tb testing.TB, path string, n int) {
	tb.Helper()
	w := ranker.New(1, n)
	run := shadow.Run{Ended: true}
	if err := recording.WritePairs(path, shadow.PairHeader{Kind: "join"}, w.Pairs(), &run); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkPair is one pair's way through the comparison, bodies decoded, without the
// file; in the same run [json.Unmarshal] of its three bodies alone, as the scale.
func BenchmarkPair(b *testing.B) {
	w := ranker.New(1, 1000)
	var all []shadow.Pair
	for p := range w.Pairs() {
		all = append(all, p)
	}
	b.Run("compare", func(b *testing.B) {
		c, err := newComparison(ranker.Plan())
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
			for _, body := range []shadow.Body{p.Stable.Body, p.Candidate.Body, p.Again.Body} {
				var v any
				if err := json.Unmarshal(body, &v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
