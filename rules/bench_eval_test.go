package rules

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// eight is a runbook of eight triggers of eight types.
func eight(service string) *runbook.Runbook {
	rb := data()
	base := ranker(service)
	rb.Service, rb.Metrics.Selector = service, base.Metrics.Selector
	minutes := func(n int) runbook.Duration { return dur(time.Duration(n) * time.Minute) }
	rb.Triggers = []runbook.Trigger{
		base.Triggers[0], base.Triggers[1], base.Triggers[2],
		{Name: "errors-up", Type: runbook.ErrorIncrease, Severity: runbook.Severe, For: minutes(5), By: 0.005, MinRatio: 1.5},
		{Name: "nulls", Type: runbook.NullSpike, Severity: runbook.Severe, For: minutes(5), By: 0.01},
		{Name: "schema", Type: runbook.SchemaMismatch, Severity: runbook.Severe, For: minutes(5), Above: 0.001},
		{Name: "shift", Type: runbook.DistributionShift, Severity: runbook.Severe, For: minutes(30), Distribution: "score", Distance: 0.1, Against: runbook.AgainstStable},
		{Name: "starved", Type: runbook.CanaryStarved, Severity: runbook.Severe, For: minutes(3), Below: 0.5},
	}
	return rb
}

// serving is the fleet of one service, 10+2 pods, with everything that eight asks for;
// missing values of ten features.
func serving(service string) []*pod {
	pods := counts(scores(onCandidates(1, 1))(fleet(service, 10, 2, 200, 0.2)), "mismatches_total", 0.001, 0.001)
	for i := range 10 {
		feature := fmt.Sprintf("f%d", i)
		with(pods, func(*pod) *extra {
			return &extra{name: "nulls_total", labels: []string{"feature", feature}, share: constant(0.02)}
		})
		with(pods, func(*pod) *extra {
			return &extra{name: "rows_total", labels: []string{"feature", feature}, share: constant(1)}
		})
	}
	return pods
}

func busy(tb testing.TB, services int) *world {
	var pods []*pod
	var rbs []*runbook.Runbook
	for i := range services {
		name := fmt.Sprintf("service-%d", i)
		pods, rbs = append(pods, serving(name)...), append(rbs, eight(name))
	}
	w := newWorld(tb, 31, pods, rbs...)
	w.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 20, false: 80}[p.candidate()] }
	return w
}

// recorded counts the series that exist now, by name.
func (w *world) recorded() (total int, names map[string]int) {
	all, _ := ParseExpr(`{__name__=~"autorollback:.*"}`)
	names = map[string]int{}
	for _, s := range w.ask(all) {
		names[s.Metric.Get("__name__")]++
		total++
	}
	return total, names
}

// BenchmarkEvaluate is one evaluation of all rules of services with eight triggers and
// 10+2 pods each. A release is in flight in the first ones, for an hour or for a few
// minutes; the others are idle, and so are their pods, which are scraped all the same.
func BenchmarkEvaluate(b *testing.B) {
	for _, c := range []struct{ services, active, ticks int }{
		{1, 1, 240}, {10, 10, 20}, {100, 3, 6}, {100, 0, 6}, {1000, 3, 2},
	} {
		b.Run(fmt.Sprintf("services=%d,active=%d,history=%s", c.services, c.active, time.Duration(c.ticks)*15*time.Second), func(b *testing.B) {
			w := busy(b, c.services)
			open := map[string]bool{}
			for i := range c.active {
				open[fmt.Sprintf("service-%d", i)] = true
			}
			w.role = func(p *pod, since time.Duration) (string, string) {
				if !open[p.service] {
					return "", ""
				}
				return usualRole(p, since)
			}
			for range c.ticks {
				w.tick()
			}
			series, _ := w.recorded()
			var cpu [2]float64 // of idle services, of active ones
			n := 0
			for b.Loop() {
				n++
				at := w.now.Add(time.Duration(n) * time.Millisecond)
				for _, g := range w.groups {
					kind, used := 0, cpuSeconds()
					if open[strings.TrimPrefix(g.Name(), "autorollback-")] {
						kind = 1
					}
					g.Eval(context.Background(), at)
					cpu[kind] += cpuSeconds() - used
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/evaluation")
			if c.active > 0 {
				b.ReportMetric(float64(series)/float64(c.active), "series/active")
				b.ReportMetric(cpu[1]*1000/float64(b.N)/float64(c.active), "cpu-ms/active")
			} else {
				b.ReportMetric(float64(series), "series")
			}
			if idle := c.services - c.active; idle > 0 {
				b.ReportMetric(cpu[0]*1000/float64(b.N)/float64(idle), "cpu-ms/idle")
			}
		})
	}
}
