package path

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

	"github.com/autorollback/autorollback/test/servers"
)

// A point is one value of a series.
type point struct {
	at time.Time
	v  float64
}

// A backlog is series to be written into a Prometheus as if it had scraped them.
type backlog struct {
	kinds  map[string]string             // by family
	series map[string]map[string][]point // family → name and labels → points in order
}

func newBacklog() *backlog {
	return &backlog{kinds: map[string]string{}, series: map[string]map[string][]point{}}
}

// add takes a point of a series, given as name and labels without the outer braces.
func (b *backlog) add(kind, name, labels string, at time.Time, v float64) {
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

// into writes the backlog as blocks of a stopped Prometheus.
func (b *backlog) into(t *testing.T, data string) {
	t.Helper()
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
	promtool(t, "tsdb", "create-blocks-from", "openmetrics", "--quiet", file, data)
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), servers.Promtool(t), args...).CombinedOutput()
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
