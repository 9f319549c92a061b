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
	"github.com/autorollback/autorollback/runbook"
)

// A fleet is the pods of both versions. Every interval each pod serves what the split
// in the store gives it, with the encoder that its version's flags name.
type fleet struct {
	exposed
	mu    sync.Mutex
	rate  float64 // requests per second
	well  Behaviour
	now   map[string]Behaviour // by version
	pods  []*drawn
	rnd   *rand.Rand
	pairs map[Pair]int64
	did   []did // in every interval, by version
}

// exposed is what a fleet's pods say of themselves.
type exposed struct {
	requests, seconds, tried, successful string
	bounds                               []float64
	spread                               float64 // of the time an answer takes: sigma of the log-normal
}

// did is what the pods of a version did in an interval that ended then.
type did struct {
	at                               time.Time
	version                          string
	requests, failed, tried, success float64
	Behaviour
}

// drawn is one pod with its counters.
type drawn struct {
	version, backend, name        string
	ok, failed, tried, successful float64
	buckets                       []float64
}

// ofTemplates is what the templates' runbooks read, and ofDemo what the demo's does.
var (
	ofTemplates = exposed{"http_requests_total", "http_request_duration_seconds", "recommendations_total", "conversions_total",
		[]float64{0.025, 0.05, 0.1, 0.15, 0.2, 0.24, 0.28, 0.33, 0.4, 0.5, 0.75, 1, 2.5}, 0.5}
	ofDemo = exposed{"model_requests_total", "model_request_duration_seconds", "model_impressions_total", "model_conversions_total", buckets, 0.2}
)

// usual is a good version of the templates: P95 is 250 ms.
var usual = Behaviour{Latency: 110 * time.Millisecond, Errors: 0.005, Conversion: 0.3}

func newFleet(rate float64, stable, candidates int) *fleet {
	return newFleetOf(ofTemplates, usual, rate, stable, candidates)
}

func newFleetOf(what exposed, well Behaviour, rate float64, stable, candidates int) *fleet {
	f := &fleet{exposed: what, rate: rate, well: well, now: map[string]Behaviour{"v1": well, "v2": well},
		rnd: rand.New(rand.NewPCG(7, 11)), pairs: map[Pair]int64{}}
	for _, of := range []struct {
		version string
		pods    int
	}{{"v1", stable}, {"v2", candidates}} {
		for i := range of.pods {
			f.pods = append(f.pods, &drawn{version: of.version, backend: "ranker-" + of.version, name: fmt.Sprintf("%s-%d:80", of.version, i),
				buckets: make([]float64, len(what.bounds)+1)})
		}
	}
	return f
}

// behave changes how a version answers from now on.
func (f *fleet) behave(version string, change func(*Behaviour)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.now[version]
	change(&b)
	f.now[version] = b
}

// serve draws one span of traffic.
func (f *fleet) serve(split record.Split, encoders map[string]string, span time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]*did{}
	for version, b := range f.now {
		all[version] = &did{at: time.Now(), version: version, Behaviour: b}
	}
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
		f.answer(p, n, all[p.version])
	}
	for _, version := range []string{"v1", "v2"} {
		f.did = append(f.did, *all[version])
	}
}

// answer draws what a pod makes of so many requests.
func (f *fleet) answer(p *drawn, n float64, d *did) {
	bad := f.some(n, d.Errors)
	p.failed += bad
	p.ok += n - bad
	p.tried += n - bad
	success := f.some(n-bad, d.Conversion)
	p.successful += success
	d.requests, d.failed, d.tried, d.success = d.requests+n, d.failed+bad, d.tried+n-bad, d.success+success
	left, below := n, 0.0
	for i, b := range f.bounds {
		to := 1 - f.above(b, d.Behaviour)
		hit := f.some(left, (to-below)/(1-below))
		p.buckets[i] += hit
		left, below = left-hit, to
	}
	p.buckets[len(f.bounds)] += left
}

// above is the share of answers of that behaviour that take longer.
func (f *fleet) above(seconds float64, b Behaviour) float64 {
	return 1 - normal(math.Log(seconds/b.Latency.Seconds())/f.spread)
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

// A move is when the router's keys gave v2 so much.
type move struct {
	at     time.Time
	weight runbook.Weight
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
		v.moves = append(v.moves, move{time.Now(), split["ranker-v2"]})
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
		v.fleet.expose(p, func(name string, value float64, more ...string) { v.put(app, at, value, name, more...) })
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

func (f *fleet) expose(p *drawn, put func(name string, value float64, more ...string)) {
	own := []string{"job", "ranker", "instance", p.name, "version", p.version}
	with := func(more ...string) []string { return append(slices.Clone(own), more...) }
	put("model_ready", 1, own...)
	put(f.requests, p.ok, with("code", "200")...)
	put(f.requests, p.failed, with("code", "500")...)
	put(f.tried, p.tried, own...)
	put(f.successful, p.successful, own...)
	sum := 0.0
	for i, b := range f.bounds {
		sum += p.buckets[i]
		put(f.seconds+"_bucket", sum, with("le", strconv.FormatFloat(b, 'g', -1, 64))...)
	}
	put(f.seconds+"_bucket", p.ok+p.failed, with("le", "+Inf")...)
	put(f.seconds+"_count", p.ok+p.failed, own...)
}
