package servers

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A point is one value of a series.
type point struct {
	at time.Time
	v  float64
}

// A Backlog is series to be written into a Prometheus as if it had scraped them.
type Backlog struct {
	kinds  map[string]string             // by family
	series map[string]map[string][]point // family → name and labels → points in order
}

// NewBacklog is an empty one.
func NewBacklog() *Backlog {
	return &Backlog{kinds: map[string]string{}, series: map[string]map[string][]point{}}
}

// Add takes a point of a series, a counter or a gauge, given by its name and its labels
// without the outer braces.
func (b *Backlog) Add(kind, name, labels string, at time.Time, v float64) {
	family := name
	if kind == "counter" {
		family = strings.TrimSuffix(name, "_total")
	}
	if b.series[family] == nil {
		b.kinds[family], b.series[family] = kind, map[string][]point{}
	}
	key := name + "{" + labels + "}"
	b.series[family][key] = append(b.series[family][key], point{at, v})
}

// Into writes the backlog as blocks of a Prometheus, which is stopped meanwhile.
func (b *Backlog) Into(t testing.TB, prom *PrometheusServer) {
	t.Helper()
	prom.Stop()
	defer prom.Start()
	file := filepath.Join(t.TempDir(), "backlog.om")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for _, family := range keys(b.series) {
		fmt.Fprintf(w, "# TYPE %s %s\n", family, b.kinds[family])
		for _, key := range keys(b.series[family]) {
			for _, p := range b.series[family][key] {
				fmt.Fprintf(w, "%s %g %.3f\n", key, p.v, float64(p.at.UnixMilli())/1000)
			}
		}
	}
	fmt.Fprintln(w, "# EOF")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	RunPromtool(t, "tsdb", "create-blocks-from", "openmetrics", "--quiet", file, prom.Data())
}

// RunPromtool runs promtool, which must succeed.
func RunPromtool(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), Promtool(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args[:3], " "), err, out)
	}
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
