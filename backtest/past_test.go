package backtest

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/autorollback/autorollback/runbook"
)

// pastRunbook is armed for nothing: backtests say what an armed one would do.
const pastRunbook = `schema: 1
service: "ranker"
owner: {team: t, contact: "#t"}
metrics:
  selector: job="ranker"
  interval: 15s
  warmup: 1m
  requests: {counter: requests_total, errors: 'code=~"5.."'}
  latency: {histogram: latency_seconds, kind: %s}
  kpis: [{name: sales, successes: sales_total, trials: offers_total}]
triggers:
  - {name: error-rate, type: error_rate, severity: severe, above: 5%%, for: 3m}
  - {name: latency-p95, type: latency_quantile, severity: severe, quantile: 0.95, increase: 30%%, for: 5m}
  - {name: sales-drop, type: kpi_drop, severity: mild, kpi: sales, drop: 10%%, for: 15m}
  - {name: users-see-errors, type: absolute_slo, above: 20%%, for: 5m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
last_known_good: {min_pods: 2, health: model_ready}
policy: {mode: observe, approvers: [alice], min_candidate_pods: 2}
verification:
  system: {error_rate: {below: 4%%}, latency: {quantile: 0.95}}
  business: [{kpi: sales}]
`

func pastBook(t testing.TB, native bool) *runbook.Runbook {
	t.Helper()
	kind := "classic, buckets: [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1]"
	if native {
		kind = "native"
	}
	rb, err := runbook.Parse("ranker.yaml", fmt.Appendf(nil, pastRunbook, kind))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

// pastStart is on the grid of every interval in use.
var pastStart = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// A pastPod is one pod of the past, with its truth.
type pastPod struct {
	version, name string
	rps           float64
	from, to      time.Duration // since pastStart
	errors        func(since time.Duration) float64
	slower        func(since time.Duration) float64
	ok, bad       float64
	offers, sales float64
	buckets       []float64
	hist          *histogram.FloatHistogram
}

var pastBounds = []float64{0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1}

func always(v float64) func(time.Duration) float64 { return func(time.Duration) float64 { return v } }

func pastPods(version string, n int, rps float64, from, to time.Duration) []*pastPod {
	var out []*pastPod
	for i := range n {
		out = append(out, &pastPod{version: version, name: version + "-" + strconv.Itoa(i), rps: rps / float64(n), from: from, to: to,
			errors: always(0.005), slower: always(1), buckets: make([]float64, len(pastBounds)+1)})
	}
	return out
}

// serve lets an interval of traffic pass.
func (p *pastPod) serve(rnd *rand.Rand, since, d time.Duration, native bool) {
	for range int(p.rps * d.Seconds() * (0.9 + 0.2*rnd.Float64())) {
		if rnd.Float64() < p.errors(since) {
			p.bad++
		} else {
			p.ok++
		}
		p.offers++
		if rnd.Float64() < 0.1 {
			p.sales++
		}
		seconds := 0.1 * p.slower(since) * math.Exp(0.5*rnd.NormFloat64())
		if native {
			p.observe(seconds)
			continue
		}
		i := 0
		for i < len(pastBounds) && seconds > pastBounds[i] {
			i++
		}
		p.buckets[i]++
	}
}

func (p *pastPod) observe(seconds float64) {
	if p.hist == nil {
		p.hist = &histogram.FloatHistogram{Schema: 3, ZeroThreshold: 1e-9, PositiveSpans: []histogram.Span{{Offset: -80, Length: 160}}, PositiveBuckets: make([]float64, 160)}
	}
	p.hist.PositiveBuckets[min(max(int(math.Ceil(math.Log2(seconds)*8))+80, 0), 159)]++
	p.hist.Count++
	p.hist.Sum += seconds
}

// A scraped series gets one value.
type scraped func(l labels.Labels, v float64, h *histogram.FloatHistogram)

func (p *pastPod) scrape(put scraped) {
	one := func(name string, v float64, more ...string) {
		put(labels.FromStrings(append([]string{"__name__", name, "job", "ranker", "instance", p.name, "version", p.version}, more...)...), v, nil)
	}
	one("requests_total", p.ok, "code", "200")
	one("requests_total", p.bad, "code", "500")
	one("offers_total", p.offers)
	one("sales_total", p.sales)
	one("model_ready", 1)
	if p.hist != nil {
		put(labels.FromStrings("__name__", "latency_seconds", "job", "ranker", "instance", p.name, "version", p.version), 0, p.hist.Copy())
		return
	}
	sum := 0.0
	for i, n := range p.buckets {
		sum += n
		le := "+Inf"
		if i < len(pastBounds) {
			le = strconv.FormatFloat(pastBounds[i], 'g', -1, 64)
		}
		one("latency_seconds_bucket", sum, "le", le)
	}
}

// past walks through the traffic of the pods, one scrape after the other.
func past(pods []*pastPod, length time.Duration, native bool, scrape func(at time.Time, p *pastPod)) {
	rnd := rand.New(rand.NewPCG(7, 7))
	const interval = 15 * time.Second
	for since := interval; since <= length; since += interval {
		for i, p := range pods {
			if since < p.from || since > p.to {
				continue
			}
			p.serve(rnd, since, interval, native)
			scrape(pastStart.Add(since-interval*time.Duration(i%5)/8), p)
		}
	}
}

// pastTSDB writes the traffic into a data folder such as Prometheus leaves behind.
func pastTSDB(t testing.TB, pods []*pastPod, length time.Duration, native bool) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	db.DisableCompactions()
	app, n := db.Appender(context.Background()), 0
	past(pods, length, native, func(at time.Time, p *pastPod) {
		p.scrape(func(l labels.Labels, v float64, h *histogram.FloatHistogram) {
			if h != nil {
				_, err = app.AppendHistogram(0, l, at.UnixMilli(), nil, h)
			} else {
				_, err = app.Append(0, l, at.UnixMilli(), v)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if n++; n%500 == 0 {
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
			app = db.Appender(context.Background())
		}
	})
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := db.Compact(context.Background()); err != nil { // blocks and a log, as in real life
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}
