package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

const (
	benchInterval = 15 * time.Second
	benchAge      = 24 * time.Hour
)

// A watchedService is a release of a day with 8 triggers, 10 stable and 2 candidate pods and
// some 600 series, as a real Prometheus holds it.
type watchedService struct {
	target monitor.Target
	prom   *servers.PrometheusServer
	api    promapi.API
	end    time.Time
	series int
}

func watchedServiceOf(b *testing.B) *watchedService {
	b.Helper()
	x := &watchedService{end: time.Now().Add(-time.Hour).Truncate(benchInterval)}
	rb, err := runbook.Parse("ranker.yaml", []byte(watchedRunbook))
	if err != nil {
		b.Fatal(err)
	}
	began := x.end.Add(-benchAge)
	x.target = monitor.Target{Runbook: rb, Release: record.Release{ID: "rel-1", Service: "ranker", Region: runbook.DefaultRegion, Weight: 10, Phase: record.Open,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, StartedAt: began, TrafficAt: began, Moves: []record.Move{{At: began, To: 10}}}}
	backlog := servers.NewBacklog()
	for at := began.Add(-monitor.LooksBack); at.Before(x.end.Add(30 * time.Minute)); at = at.Add(benchInterval) {
		x.series = x.scrape(backlog, at)
	}
	x.prom = servers.Prometheus(b, "global: {scrape_interval: 1h}\n", nil)
	backlog.Into(b, x.prom)
	api, err := promapi.New(x.prom.URL, nil)
	if err != nil {
		b.Fatal(err)
	}
	x.api = api
	return x
}

// scrape adds what all pods count at a moment: a hundred requests a second each.
func (x *watchedService) scrape(b *servers.Backlog, at time.Time) (series int) {
	n := 100 * at.Sub(x.end.Add(-48*time.Hour)).Seconds()
	for pod := range 12 {
		version := "v1"
		if pod >= 10 {
			version = "v2"
		}
		of := fmt.Sprintf(`job="ranker",instance="pod-%d",version=%q`, pod, version)
		podSeries(n, 0.01*n, func(name, more string, v float64) {
			if more != "" {
				more = "," + more
			}
			b.Add("gauge", name, of+more, at, v)
			series++
		})
	}
	return series
}

// podSeries are the counters of a pod that got n requests, of which some failed.
func podSeries(n, failed float64, put func(name, labels string, v float64)) {
	put("requests_total", `code="200"`, math.Trunc(n-failed))
	put("requests_total", `code="503"`, math.Trunc(failed))
	for name, share := range map[string]float64{"trials_total": 1, "conversions_total": 0.05, "revenue_total": 0.7, "revenue_squared_total": 3} {
		put(name, "", math.Trunc(share*n))
	}
	for i := range 10 {
		put("rows_total", fmt.Sprintf(`feature="f%d"`, i), math.Trunc(n))
		put("nulls_total", fmt.Sprintf(`feature="f%d"`, i), math.Trunc(0.005*n))
	}
	for i, le := range append(strings.Split("0.025 0.05 0.1 0.15 0.2 0.25 0.3 0.4 0.5 1 2.5", " "), "+Inf") {
		put("latency_seconds_bucket", fmt.Sprintf(`le=%q`, le), math.Trunc(n*min(1, 0.09*float64(i+1))))
	}
	for i, le := range append(strings.Split("0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9", " "), "+Inf") {
		put("score_bucket", fmt.Sprintf(`le=%q`, le), math.Trunc(n*0.1*float64(i+1)))
	}
}

// BenchmarkMonitor measures what a release of a day costs: the rebuild of all of it, and
// one interval after the other; and the rebuild of a hundred releases of an hour at once.
func BenchmarkMonitor(b *testing.B) {
	x := watchedServiceOf(b)
	m := monitor.New(x.api, zap.NewNop())
	b.Run("rebuild", func(b *testing.B) {
		for b.Loop() {
			began, heap, stop := time.Now(), peak(), make(chan struct{})
			go heap.watch(stop)
			if _, err := m.Replica(x.target).CatchUp(b.Context(), x.end); err != nil {
				b.Fatal(err)
			}
			close(stop)
			b.ReportMetric(time.Since(began).Seconds(), "rebuild-s")
			b.ReportMetric(float64(heap.most-heap.from)/(1<<20), "heap-peak-MiB")
			b.ReportMetric(float64(x.series), "series")
		}
	})
	b.Run("hundred", func(b *testing.B) {
		young := x.target
		young.Release.TrafficAt = x.end.Add(-time.Hour)
		young.Release.StartedAt = young.Release.TrafficAt
		for b.Loop() {
			began, theirs := time.Now(), cpuOf(x.prom.PID())
			var all errgroup.Group
			for range 100 {
				all.Go(func() error {
					_, err := m.Replica(young).CatchUp(b.Context(), x.end)
					return err
				})
			}
			if err := all.Wait(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(began).Seconds(), "rebuild-100-s")
			b.ReportMetric(cpuOf(x.prom.PID())-theirs, "prometheus-cpu-s")
		}
	})
	b.Run("interval", func(b *testing.B) {
		r := m.Replica(x.target)
		if _, err := r.CatchUp(b.Context(), x.end); err != nil {
			b.Fatal(err)
		}
		now, ours, theirs, wall := x.end, cpuOf(os.Getpid()), cpuOf(x.prom.PID()), time.Duration(0)
		n := 0.0
		for b.Loop() {
			for range 100 {
				now = now.Add(benchInterval)
				began := time.Now()
				if _, err := r.CatchUp(b.Context(), now.Add(monitor.Lag(benchInterval))); err != nil {
					b.Fatal(err)
				}
				wall += time.Since(began)
				n++
			}
		}
		b.ReportMetric(wall.Seconds()*1000/n, "ms/interval")
		b.ReportMetric((cpuOf(os.Getpid())-ours)*1000/n, "daemon-cpu-ms/interval")
		b.ReportMetric((cpuOf(x.prom.PID())-theirs)*1000/n, "prometheus-cpu-ms/interval")
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		held := mem.HeapAlloc
		runtime.KeepAlive(r)
		r = nil
		runtime.GC()
		runtime.ReadMemStats(&mem)
		b.ReportMetric(float64(held-mem.HeapAlloc)/1024, "KiB-held")
	})
}

// BenchmarkArming measures what one check costs of whether every trigger of a release is armed,
// with a day of history, which the daemon makes every ten seconds.
func BenchmarkArming(b *testing.B) {
	x := watchedServiceOf(b)
	checker := arming.New(asOf{x.api, x.end}, func() time.Time { return x.end })
	found, err := checker.Release(b.Context(), x.target.Runbook, x.target.Release)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range found {
		if d.Kind != arming.Unscraped { // nobody serves the daemon's own series here
			b.Errorf("%s is found: %s", d.Kind, d.What)
		}
	}
	ours, theirs, n := cpuOf(os.Getpid()), cpuOf(x.prom.PID()), 0.0
	for b.Loop() {
		for range 50 {
			if _, err := checker.Release(b.Context(), x.target.Runbook, x.target.Release); err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric((cpuOf(os.Getpid())-ours)*1000/n, "daemon-cpu-ms/check")
	b.ReportMetric((cpuOf(x.prom.PID())-theirs)*1000/n, "prometheus-cpu-ms/check")
}

// asOf asks what is asked for now as of a moment.
type asOf struct {
	promapi.API
	at time.Time
}

func (a asOf) Query(ctx context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	if at.IsZero() {
		at = a.at
	}
	return a.API.Query(ctx, query, at)
}

// A heap is watched for its peak.
type heap struct{ from, most uint64 }

func peak() *heap {
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return &heap{mem.HeapAlloc, mem.HeapAlloc}
}

func (h *heap) watch(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
			var mem runtime.MemStats
			runtime.ReadMemStats(&mem)
			h.most = max(h.most, mem.HeapAlloc)
		}
	}
}

const watchedRunbook = `
schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking-oncall"}
metrics:
  selector: job="ranker"
  interval: 15s
  requests: {counter: requests_total, errors: code=~"5.."}
  latency: {histogram: latency_seconds, kind: classic, buckets: [0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1, 2.5]}
  kpis:
    - {name: conversion, successes: conversions_total, trials: trials_total}
    - {name: revenue, sum: revenue_total, squares: revenue_squared_total, trials: trials_total}
  features: {nulls: nulls_total, rows: rows_total, label: feature}
  distributions:
    - {name: score, histogram: score, kind: classic, buckets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}
triggers:
  - {name: latency, type: latency_quantile, severity: severe, quantile: 0.95, increase: 30%, for: 5m}
  - {name: errors, type: error_rate, severity: severe, above: 5%, for: 3m}
  - {name: more-errors, type: error_increase, severity: severe, by: 0.5%, for: 5m}
  - {name: conversion, type: kpi_drop, severity: severe, kpi: conversion, drop: 2%, for: 15m}
  - {name: revenue, type: kpi_drop, severity: severe, kpi: revenue, drop: 5%, for: 30m}
  - {name: nulls, type: null_spike, severity: severe, by: 1%, for: 5m}
  - {name: shift, type: distribution_shift, severity: mild, distribution: score, distance: 10%, for: 30m}
  - {name: starved, type: canary_starved, severity: mild, below: 50%, for: 3m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
policy: {approvers: [ann]}
verification:
  system: {error_rate: {below: 10%}, latency: {quantile: 0.95}}
  business: [{kpi: conversion}]
`
