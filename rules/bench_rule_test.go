package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
)

// BenchmarkRule tells what each rule of one service costs, with a release in flight and
// without: processor time of one evaluation by itself, and how long its text is. Say -v
// to see the table; the figures are the sums.
func BenchmarkRule(b *testing.B) {
	w := busy(b, 1)
	for range 60 {
		w.tick()
	}
	b.Run("active", func(b *testing.B) { w.costs(b) })
	w.role = func(*pod, time.Duration) (string, string) { return "", "" }
	for range 8 {
		w.tick()
	}
	b.Run("idle", func(b *testing.B) { w.costs(b) })
}

type cost struct {
	name, labels string
	text, series int
	selectors    int
	read         int     // series that the selectors find
	used         float64 // processor seconds of all rounds
}

func (w *world) costs(b *testing.B) {
	query := promrules.EngineQueryFunc(w.engine, w.db)
	var costs []*cost
	var rules []promrules.Rule
	for _, g := range w.groups {
		for _, r := range g.Rules() {
			c := &cost{name: r.Name(), labels: r.Labels().String(), text: len(r.Query().String())}
			c.selectors, c.read = w.reads(r.Query())
			costs = append(costs, c)
			rules = append(rules, r)
		}
	}
	for b.Loop() {
		for i, r := range rules {
			used := cpuSeconds()
			v, err := r.Eval(context.Background(), 0, w.now, query, nil, 0)
			if err != nil {
				b.Fatal(err)
			}
			costs[i].used += cpuSeconds() - used
			costs[i].series = len(v)
		}
	}
	total, size, read, selectors := 0.0, 0, 0, 0
	for _, c := range costs {
		total, size, read, selectors = total+c.used, size+c.text, read+c.read, selectors+c.selectors
	}
	b.ReportMetric(float64(read), "reads")
	b.ReportMetric(float64(selectors), "selectors")
	b.ReportMetric(total*1e6/float64(b.N), "cpu-µs")
	b.ReportMetric(float64(size), "bytes")
	if !testing.Verbose() {
		return
	}
	slices.SortFunc(costs, func(x, y *cost) int { return cmp.Compare(y.used, x.used) })
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, c := range costs {
		fprintRow(t, c, b.N)
	}
	_ = t.Flush()
	b.Log("\n" + table.String())
}

func fprintRow(t *tabwriter.Writer, c *cost, n int) {
	fmt.Fprintf(t, "%.0f µs\t%d bytes\t%d selectors\t%d reads\t%d series\t %s %s\n", c.used*1e6/float64(n), c.text, c.selectors, c.read, c.series, c.name, c.labels)
}

// reads counts the selectors of an expression, and the series that they find.
func (w *world) reads(e parser.Expr) (selectors, series int) {
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			from := w.now.Add(-5*time.Minute - v.OriginalOffset)
			if m, ok := path[len(path)-1].(*parser.MatrixSelector); ok {
				from = w.now.Add(-m.Range - v.OriginalOffset)
			}
			q, err := w.db.Querier(from.UnixMilli(), w.now.Add(-v.OriginalOffset).UnixMilli())
			if err != nil {
				w.tb.Fatal(err)
			}
			defer q.Close()
			selectors++
			for set := q.Select(context.Background(), false, nil, v.LabelMatchers...); set.Next(); {
				series++
			}
		}
		return nil
	})
	return selectors, series
}
