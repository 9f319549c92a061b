package backtest

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A server that counts successes and failures apart, in milliseconds and microseconds, beside
// series of another model.
const serversRunbook = `schema: 1
service: "ranker"
owner: {team: t, contact: "#t"}
metrics:
  selector: job="ranker"
  interval: 15s
  warmup: 1m
  requests:
    where: model="ranker"
    success: {counter: inference_success}
    failure: {counter: inference_failure, where: 'reason!="CANCELED"'}
  latencies:
    - {name: whole, histogram: duration_milliseconds, kind: classic, where: model="ranker", buckets: [50, 100, 150, 200, 300, 400, 600, 1000]}
    - {name: first, histogram: first_latency, unit: us, kind: classic, buckets: [5000, 10000, 15000, 20000, 30000, 40000, 60000, 100000]}
    - {name: mean, sum: duration_us, count: inference_success, where: model="ranker"}
  kpis:
    - {name: sales, successes: offers_total, trials: offers_total, where: model="ranker", successes_where: outcome="sold"}
triggers:
  - {name: error-rate, type: error_rate, severity: severe, above: 5%, for: 3m}
  - {name: whole-p95, type: latency_quantile, severity: severe, latency: whole, quantile: 0.95, increase: 30%, for: 5m}
  - {name: whole-limit, type: latency_quantile, severity: severe, latency: whole, quantile: 0.95, ceiling: 350ms, for: 5m}
  - {name: first-p95, type: latency_quantile, severity: severe, latency: first, quantile: 0.95, increase: 30%, for: 5m}
  - {name: slow-mean, type: latency_mean, severity: mild, latency: mean, increase: 30%, ceiling: 3s, for: 3m}
  - {name: sales-drop, type: kpi_drop, severity: mild, kpi: sales, drop: 30%, for: 15m}
  - {name: starved, type: canary_starved, severity: mild}
  - {name: users-wait, type: absolute_slo, latency: whole, quantile: 0.95, ceiling: 500ms, for: 5m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
last_known_good: {min_pods: 2, health: {metric: pod_ready, where: condition="true", is: ">= 1"}}
policy: {mode: observe, approvers: [alice], min_candidate_pods: 2}
verification:
  system: {error_rate: {below: 4%}, latency: {latency: whole, quantile: 0.95, below: 450ms}}
  business: [{kpi: sales}]
`

// expose puts the series of such a server; of the other model everything fails.
func (p *pastPod) expose(put func(v float64, pairs ...string)) {
	one := func(v float64, name string, more ...string) {
		put(v, append([]string{"__name__", name, "job", "ranker", "instance", p.name, "version", p.version}, more...)...)
	}
	one(p.ok, "inference_success", "model", "ranker")
	if p.bad > 0 {
		one(p.bad, "inference_failure", "model", "ranker", "reason", "BACKEND")
	}
	one(p.ok/3, "inference_failure", "model", "ranker", "reason", "CANCELED")
	one(p.ok, "inference_failure", "model", "other", "reason", "BACKEND")
	one(p.sales, "offers_total", "model", "ranker", "outcome", "sold")
	one(p.offers-p.sales, "offers_total", "model", "ranker", "outcome", "none")
	one(p.offers, "offers_total", "model", "other", "outcome", "none")
	one(1, "pod_ready", "condition", "true")
	one(0, "pod_ready", "condition", "false")
	sum, micros, low := 0.0, 0.0, 0.0
	for i, n := range p.buckets {
		sum += n
		whole, first := "+Inf", "+Inf"
		if i < len(pastBounds) {
			whole, first = strconv.FormatFloat(pastBounds[i]*1e3, 'g', -1, 64), strconv.FormatFloat(pastBounds[i]*1e5, 'g', 6, 64)
			low = pastBounds[i]
		}
		micros += n * low * 1e6
		one(sum, "duration_milliseconds_bucket", "le", whole, "model", "ranker")
		one(sum, "first_latency_bucket", "le", first)
	}
	one(sum*2, "duration_milliseconds_bucket", "le", "+Inf", "model", "other")
	one(micros, "duration_us", "model", "ranker")
}

// The whole way on the series of other servers: counts, significance, rules, guards and
// decision.
func TestBacktestOfServersAsTheyAre(t *testing.T) {
	sim.Bulk(t)
	rb, err := runbook.Parse("ranker.yaml", []byte(serversRunbook))
	if err != nil {
		t.Fatal(err)
	}
	pods, releases := twoReleases()
	for _, p := range pods {
		if p.version == "v3" {
			p.slower = func(since time.Duration) float64 { return map[bool]float64{true: 2, false: 1}[since > onset] }
		}
	}
	source, err := OpenTSDB(exposed(t, pods, 62*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	derived, err := DeriveReleases(t.Context(), source, rb, pastStart, pastStart.Add(62*time.Minute), nil)
	if err != nil || len(derived) != 2 || derived[0].Candidate != "v2" || derived[1].Candidate != "v3" {
		t.Errorf("derived %+v, %v", derived, err)
	}
	b := Backtest{Runbook: rb, Source: source, From: pastStart.Add(4 * time.Minute), To: pastStart.Add(62 * time.Minute), Releases: releases, Tolerance: 10 * time.Minute}
	r, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) > 0 {
		t.Errorf("warnings: %q", r.Warnings)
	}
	values := map[string][2]float64{"error-rate": {0.05, 0.2}, "whole-p95": {1.3, 2.6}, "first-p95": {1.3, 2.6}, "whole-limit": {0.35, 0.6}, "slow-mean": {1.3, 2.6}}
	for _, f := range r.Firings {
		in, known := values[f.Trigger]
		if !known || f.Release != "bad" || f.From.Before(pastStart.Add(onset)) || f.Breach == nil || !(f.Worst >= in[0] && f.Worst <= in[1]) {
			t.Errorf("fired: %+v breach %+v", f, f.Breach)
			continue
		}
		delete(values, f.Trigger)
		if f.Breach.State != record.Breaching || f.Breach.StableUnhealthy || f.Breach.CandidatePods != 3 || f.Breach.StablePods != 4 {
			t.Errorf("what the guards saw of %s: %+v", f.Trigger, f.Breach)
		}
		if d := f.Decision; d == nil || f.Trigger == r.Firings[0].Trigger && d.Action != record.RollBack || f.Trigger != r.Firings[0].Trigger && d.Guard != "already_acted" {
			t.Errorf("decision on %s: %+v", f.Trigger, d)
		}
		t.Logf("%s: %s after the onset, %g", f.Trigger, f.From.Sub(pastStart.Add(onset)), f.Worst)
	}
	if len(values) > 0 {
		t.Errorf("nothing fired for %v", values)
	}
}

// Releases are found by the requests alone, not by what else has the name of their series.
func TestRequestsAreFoundByTheirMatchers(t *testing.T) {
	const sales = `successes: offers_total, trials: offers_total, where: model="ranker", successes_where: outcome="sold"`
	for _, kpi := range []string{
		`successes: offers_total, trials: inference_success, where: model="other"`,
		`successes: offers_total, trials: inference_success`,
	} {
		rb, err := runbook.Parse("ranker.yaml", []byte(strings.Replace(serversRunbook, sales, kpi, 1)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := requestSelectors(rb)
		want := []string{
			`{job="ranker",model="ranker",__name__="inference_success"}`,
			`{job="ranker",model="ranker",reason!="CANCELED",__name__="inference_failure"}`,
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("with the KPI %s: %q, %v", kpi, got, err)
		}
	}
}

// exposed writes the past of such servers into a data folder.
func exposed(t testing.TB, pods []*pastPod, length time.Duration) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	db.DisableCompactions()
	past(pods, length, false, func(at time.Time, p *pastPod) {
		app := db.Appender(context.Background())
		p.expose(func(v float64, pairs ...string) {
			if _, err := app.Append(0, labels.FromStrings(pairs...), at.UnixMilli(), v); err != nil {
				t.Fatal(err)
			}
		})
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}
