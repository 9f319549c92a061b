package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/autorollback/autorollback/record"
)

// A fleet is the pods of both versions. Every interval each pod serves what the split
// in the store gives it, with the encoder that its version's flags name.
type fleet struct {
	mu      sync.Mutex
	rate    float64 // requests per second
	convert float64 // of a good version
	pods    []*drawn
	rnd     *rand.Rand
	pairs   map[Pair]int64
	truth   *truth // of v2 since it does harm; nil: it does none
}

// truth is what v2 did to users since it does harm.
type truth struct{ requests, failed, slower, trials, converted float64 }

// drawn is one pod with its counters.
type drawn struct {
	version, backend, name        string
	slower, converts              float64 // 1: as good as v1
	fails                         float64 // the share of its requests
	ok, failed, tried, successful float64
	buckets                       []float64
}

// bounds are the template's.
var bounds = []float64{0.025, 0.05, 0.1, 0.15, 0.2, 0.24, 0.28, 0.33, 0.4, 0.5, 0.75, 1, 2.5}

func newFleet(rate, convert float64, stable, candidates int) *fleet {
	f := &fleet{rate: rate, convert: convert, rnd: rand.New(rand.NewPCG(7, 11)), pairs: map[Pair]int64{}}
	for _, of := range []struct {
		version string
		pods    int
	}{{"v1", stable}, {"v2", candidates}} {
		for i := range of.pods {
			f.pods = append(f.pods, &drawn{version: of.version, backend: "ranker-" + of.version, name: fmt.Sprintf("%s-%d:80", of.version, i),
				slower: 1, converts: 1, fails: usuallyFails, buckets: make([]float64, len(bounds)+1)})
		}
	}
	return f
}

// usuallyFails is the share of requests that fail on a good version.
const usuallyFails = 0.005

// harm changes how v2 behaves from now on.
func (f *fleet) harm(slower, converts, fails float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.truth = &truth{slower: slower}
	for _, p := range f.pods {
		if p.version == "v2" {
			p.slower, p.converts, p.fails = slower, converts, fails
		}
	}
}

// note adds what a pod of v2 did since it does harm.
func (t *truth) note(requests, failed, trials, converted float64) {
	if t != nil {
		t.requests, t.failed = t.requests+requests, t.failed+failed
		t.trials, t.converted = t.trials+trials, t.converted+converted
	}
}

// serve draws one span of traffic. P95 is 250 ms, log-normal with sigma 0.5.
func (f *fleet) serve(split record.Split, encoders map[string]string, span time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pods {
		pods := 0
		for _, o := range f.pods {
			if o.backend == p.backend {
				pods++
			}
		}
		n := f.times(f.rate * span.Seconds() * float64(split[p.backend]) / 100 / float64(pods))
		if n > 0 {
			f.pairs[Pair{p.version, encoders[p.version]}] += int64(n)
		}
		bad := f.some(n, p.fails)
		p.failed += bad
		p.ok += n - bad
		p.tried += n - bad
		converted := f.some(n-bad, f.convert*p.converts)
		p.successful += converted
		if p.version == "v2" {
			f.truth.note(n, bad, n-bad, converted)
		}
		left, below := n, 0.0
		for i, b := range bounds {
			to := normal((math.Log(b/(0.11*p.slower)) / 0.5))
			hit := f.some(left, (to-below)/(1-below))
			p.buckets[i] += hit
			left, below = left-hit, to
		}
		p.buckets[len(bounds)] += left
	}
}

func normal(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// times draws how often something of that mean happens.
func (f *fleet) times(mean float64) float64 {
	return max(0, math.Round(mean+math.Sqrt(mean)*f.rnd.NormFloat64()))
}

// some draws how many of n happen.
func (f *fleet) some(n, p float64) float64 {
	if n*p*(1-p) > 30 {
		return min(n, max(0, math.Round(n*p+math.Sqrt(n*p*(1-p))*f.rnd.NormFloat64())))
	}
	hits := 0.0
	for range int(n) {
		if f.rnd.Float64() < p {
			hits++
		}
	}
	return hits
}

// scrape serves and scrapes once an interval until ctx ends.
func (v *virtual) scrape(ctx context.Context) {
	every := v.rb.Metrics.Interval.Std()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		split, encoders := v.served(ctx)
		v.fleet.serve(split, encoders, every)
		v.append(ctx)
	}
}

// served is what the router and the pods read now.
func (v *virtual) served(ctx context.Context) (record.Split, map[string]string) {
	snap, err := v.store.Read(ctx, v.rb.Routing.Key, v.rb.Routing.Flags)
	if err != nil {
		return nil, nil
	}
	var weights struct{ Weights record.Split }
	encoders := map[string]string{}
	for _, e := range snap.Entries {
		if e.Key == v.rb.Routing.Key {
			if json.Unmarshal(e.Value, &weights) != nil {
				return nil, nil
			}
			continue
		}
		var doc struct{ Flags struct{ Encoder string } }
		if json.Unmarshal(e.Value, &doc) == nil {
			encoders[e.Key[len(v.rb.Routing.Flags):]] = doc.Flags.Encoder
		}
	}
	return weights.Weights, encoders
}

// witness looks at every committed state of the keys: no version may get traffic while
// its flags name an encoder it was not trained with.
func (v *virtual) witness(ctx context.Context) error {
	own := map[string]string{"v1": "v4", "v2": "v5"}
	for after := uint64(0); ; {
		snap, err := v.store.Watch(ctx, v.rb.Routing.Key, after)
		if err != nil {
			return nil
		}
		after = snap.Index
		split, encoders := v.served(ctx)
		if len(v.splits) == 0 || !slices.ContainsFunc(v.splits[len(v.splits)-1:], split.Equal) {
			v.splits = append(v.splits, split)
		}
		for version, encoder := range own {
			if split["ranker-"+version] > 0 && encoders[version] != encoder {
				v.mixed = append(v.mixed, fmt.Sprintf("%v with %v", split, encoders))
			}
		}
	}
}

func (v *virtual) append(ctx context.Context) {
	app, at := v.db.Appender(ctx), time.Now().UnixMilli()
	v.fleet.mu.Lock()
	for _, p := range v.fleet.pods {
		p.expose(func(name string, value float64, more ...string) { v.put(app, at, value, name, more...) })
	}
	v.fleet.mu.Unlock()
	families, err := v.reg.Gather()
	if err != nil {
		v.t.Error(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetType() != dto.MetricType_GAUGE {
				continue
			}
			pairs := []string{"job", "autorollback", "instance", "daemon:9095"}
			for _, l := range m.Label {
				pairs = append(pairs, l.GetName(), l.GetValue())
			}
			v.put(app, at, m.GetGauge().GetValue(), f.GetName(), pairs...)
		}
	}
	if err := app.Commit(); err != nil && ctx.Err() == nil {
		v.t.Error(err)
	}
}

func (v *virtual) put(app storage.Appender, at int64, value float64, name string, more ...string) {
	if _, err := app.Append(0, labels.FromStrings(append([]string{labels.MetricName, name}, more...)...), at, value); err != nil {
		v.t.Errorf("append %s: %v", name, err)
	}
}

func (p *drawn) expose(put func(name string, value float64, more ...string)) {
	own := []string{"job", "ranker", "instance", p.name, "version", p.version}
	with := func(more ...string) []string { return append(slices.Clone(own), more...) }
	put("model_ready", 1, own...)
	put("http_requests_total", p.ok, with("code", "200")...)
	put("http_requests_total", p.failed, with("code", "500")...)
	put("recommendations_total", p.tried, own...)
	put("conversions_total", p.successful, own...)
	sum := 0.0
	for i, b := range bounds {
		sum += p.buckets[i]
		put("http_request_duration_seconds_bucket", sum, with("le", strconv.FormatFloat(b, 'g', -1, 64))...)
	}
	put("http_request_duration_seconds_bucket", p.ok+p.failed, with("le", "+Inf")...)
	put("http_request_duration_seconds_count", p.ok+p.failed, own...)
}
