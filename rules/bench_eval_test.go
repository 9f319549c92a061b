package rules

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

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

func busy(tb testing.TB, services int) *world { return busyWith(tb, services, eight) }

func busyWith(tb testing.TB, services int, book func(string) *runbook.Runbook) *world {
	var pods []*pod
	var rbs []*runbook.Runbook
	for i := range services {
		name := fmt.Sprintf("service-%d", i)
		pods, rbs = append(pods, serving(name)...), append(rbs, book(name))
	}
	w := newWorld(tb, 31, pods, rbs...)
	w.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 20, false: 80}[p.candidate()] }
	return w
}

// recorded counts the series that exist now, by name.
func (w *world) recorded() (total int, names map[string]int) {
	all, _ := ParseExpr(`{__name__=~"autorollback_role:.*"}`)
	names = map[string]int{}
	for _, s := range w.ask(all) {
		names[s.Metric.Get("__name__")]++
		total++
	}
	return total, names
}

// four is a runbook of the four triggers of the canary template, by type.
func four(service string) *runbook.Runbook {
	rb := eight(service)
	users := ranker(service).Triggers[3]
	rb.Triggers = append(rb.Triggers[:3:3], users)
	return rb
}

// BenchmarkEvaluate is one evaluation of all rules of a service with four or eight
// triggers, an interval after the last one: while it has no series at all, while 10+2 pods
// are scraped and nothing is released, and with a release in flight for an hour. Each
// figure is of one service; several are evaluated, so that none finds its data in a cache
// of its own.
func BenchmarkEvaluate(b *testing.B) {
	const services = 10
	for _, triggers := range []int{4, 8} {
		for _, state := range []string{"nothing", "idle", "release"} {
			b.Run(fmt.Sprintf("triggers=%d,%s", triggers, state), func(b *testing.B) {
				w := busyWith(b, services, map[int]func(string) *runbook.Runbook{4: four, 8: eight}[triggers])
				active := 0
				if state == "release" {
					active = services
				}
				var scraped []*line
				if state == "nothing" {
					w.pods = nil
				} else {
					scraped = w.lived(active, time.Hour)
				}
				wall, cpu := time.Duration(0), 0.0
				for b.Loop() {
					b.StopTimer()
					w.goOn(1, scraped)
					b.StartTimer()
					from, used := time.Now(), cpuSeconds()
					for _, g := range w.groups {
						g.Eval(context.Background(), w.now)
					}
					wall, cpu = wall+time.Since(from), cpu+cpuSeconds()-used
				}
				b.ReportMetric(wall.Seconds()*1000/float64(b.N)/services, "ms/service")
				b.ReportMetric(cpu*1000/float64(b.N)/services, "cpu-ms/service")
				series, _ := w.recorded()
				b.ReportMetric(float64(series)/services, "series/service")
			})
		}
	}
}

// among reports whether a service, or its group, is one of the first n.
func among(name string, n int) bool {
	i, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	return err == nil && i < n
}

// lived gives the first services a release in flight, and all of them a past. Of it only
// the first minutes are played, until all windows of 5 m are full, and only those rules
// are evaluated that record anything. What is left to go on is what is scraped.
func (w *world) lived(active int, history time.Duration) []*line {
	const played = 22
	w.role = func(p *pod, since time.Duration) (string, string) {
		if !among(p.service, active) {
			return "", ""
		}
		return usualRole(p, since)
	}
	pods, groups := w.pods, w.groups
	w.pods = slices.DeleteFunc(slices.Clone(pods), func(p *pod) bool { return !among(p.service, active) })
	w.groups = slices.DeleteFunc(slices.Clone(groups), func(g *promrules.Group) bool { return !among(g.Name(), active) })
	for i := range played {
		if i == played-2 {
			w.pods = pods
		}
		w.tick()
	}
	w.groups = groups
	lines := w.lines()
	w.goOn(int(history/w.interval)-played, lines)
	return slices.DeleteFunc(lines, func(l *line) bool { return strings.HasPrefix(l.of.Get("__name__"), recordPrefix) })
}

// A line is a series that goes on growing as it did in the last interval.
type line struct {
	of            labels.Labels
	ref           storage.SeriesRef
	at            int64
	value, growth float64
}

// lines are all series of the last two intervals; what rules recorded stands still.
func (w *world) lines() (lines []*line) {
	q, err := w.db.Querier(w.now.Add(-2*w.interval).UnixMilli()+1, w.now.UnixMilli())
	if err != nil {
		w.tb.Fatal(err)
	}
	defer q.Close()
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchNotEqual, "__name__", ""))
	var it chunkenc.Iterator
	for set.Next() {
		l, before := &line{of: set.At().Labels()}, math.NaN()
		for it = set.At().Iterator(it); it.Next() != chunkenc.ValNone; {
			before = l.value
			l.at, l.value = it.At()
		}
		if l.growth = l.value - before; strings.HasPrefix(l.of.Get("__name__"), "autorollback") {
			l.growth = 0
		}
		lines = append(lines, l)
	}
	if set.Err() != nil {
		w.tb.Fatal(set.Err())
	}
	return lines
}

// goOn lets the lines do for n intervals what they did in the last one, and evaluates
// nothing.
func (w *world) goOn(n int, lines []*line) {
	var err error
	for range n {
		w.now = w.now.Add(w.interval)
		app := w.db.Appender(context.Background())
		for _, l := range lines {
			l.at, l.value = l.at+w.interval.Milliseconds(), l.value+l.growth
			if l.ref, err = app.Append(l.ref, l.of, l.at, l.value); err != nil {
				w.tb.Fatal(err)
			}
		}
		if err := app.Commit(); err != nil {
			w.tb.Fatal(err)
		}
	}
}
