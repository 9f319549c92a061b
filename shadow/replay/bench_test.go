package replay

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
	"github.com/autorollback/autorollback/shadow/recording"
	"github.com/autorollback/autorollback/test/ranker"
)

// A recording of one million requests goes the whole way: read, sampled, sent to the
// candidate once and to stable twice over loopback, written as pairs, read back,
// compared and judged. The scale is the same calls alone, from a bare client.
func BenchmarkReplayCompareMillion(b *testing.B) {
	const n = 1_000_000
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"score":0.5}`) }))
	defer server.Close()
	file := filepath.Join(b.TempDir(), "recording.jsonl")
	writeRecording(b, file, n)
	for _, sample := range []struct {
		name      string
		permyriad int
	}{{"sample=5%", 500}, {"sample=100%", 10_000}} {
		b.Run(sample.name, func(b *testing.B) {
			for b.Loop() {
				r := Replay{
					Recordings: []string{file}, Candidate: server.URL, Stable: server.URL, Permyriad: sample.permyriad, Parallel: 8, Timeout: 10 * time.Second,
					Allow: []Allow{{"POST", "/predict"}}, Output: filepath.Join(b.TempDir(), fmt.Sprint("pairs-", b.N, "-", time.Now().UnixNano(), ".jsonl")), Progress: new(Progress),
				}
				began, peak := time.Now(), uint64(0)
				if _, err := r.Run(b.Context()); err != nil {
					b.Fatal(err)
				}
				sent, replayed := r.Progress.Sent.Load(), time.Now()
				var run shadow.Run
				report, err := diff.Compare(shadow.DefaultPlan(), diff.Subject{Service: "ranker", Candidate: "sha256:c", Stable: "sha256:s"}, ranker.Watched(recording.ReadPairs(r.Output, &run, nil), &peak), &run, shadow.Bad{}, began)
				if err != nil || int64(report.Counts.Compared) != sent {
					b.Fatal(err, report.Counts, sent)
				}
				whole, sending := time.Since(began), replayed.Sub(began)
				b.ReportMetric(n/whole.Seconds(), "recorded/s")
				b.ReportMetric(float64(sent)/whole.Seconds(), "compared/s")
				b.ReportMetric(float64(peak)/(1<<20), "peak-heap-MiB")
				b.ReportMetric(ranker.PeakRSS(), "peak-rss-MiB")
				b.ReportMetric(sending.Seconds()/bare(b, server.URL, int(3*sent), 8).Seconds(), "x-bare-calls")
			}
		})
	}
}

func writeRecording(tb testing.TB, path string, n int) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(w, `{"id":"r%d","time":%d,"request":{"method":"POST","path":"/predict","body":{"x":%d,"country":"c%d"}}}`+"\n", i, 1_700_000_000+i/100, i, i%5)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

// bare is how long as many calls take when nothing is read, kept or written.
func bare(tb testing.TB, url string, calls, parallel int) time.Duration {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: parallel}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(calls))
	var wg sync.WaitGroup
	began := time.Now()
	for range parallel {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				resp, err := client.Post(url+"/predict", "application/json", strings.NewReader(`{"x":1,"country":"c1"}`))
				if err != nil {
					tb.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	return time.Since(began)
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
