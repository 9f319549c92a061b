package demo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Behaviour is how a model version answers.
type Behaviour struct {
	Latency    time.Duration // median; log-normal around it
	Errors     float64       // share of requests answered 500
	Conversion float64       // share of answers that lead to a conversion
	Nulls      float64       // share of rows in which the feature "age" is missing
	Misfits    float64       // share of rows that do not fit the model's schema
	Shift      float64       // how far the scores, usually about 0.5, have shifted
}

// A Version is one model version. All its pods behave alike, and the behaviour can be
// changed while they serve.
type Version struct {
	Name    string
	Encoder string // the feature encoder it was trained with; empty: any will do
	now     atomic.Pointer[Behaviour]
	scorer  atomic.Pointer[Scorer]
	plant   planting
}

// NewVersion makes a version.
func NewVersion(name string, b Behaviour) *Version {
	v := &Version{Name: name}
	v.Behave(b)
	return v
}

// Behave changes how every pod of the version answers from now on.
func (v *Version) Behave(b Behaviour) { v.now.Store(&b) }

// Behaviour is how the version answers now.
func (v *Version) Behaviour() Behaviour { return *v.now.Load() }

// buckets of the latency histogram, in seconds.
var buckets = []float64{.02, .03, .04, .045, .05, .055, .06, .07, .08, .09, .1, .12, .14, .17, .2, .25, .3, .4, .5, .7, 1, 2}

// versionHeader says in an answer which version gave it.
const versionHeader = "X-Model-Version"

// A Pod is one model server: POST /predict, GET /metrics.
type Pod struct {
	version  *Version
	listener net.Listener
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	shown    prometheus.Counter
	bought   prometheus.Counter
	pairs    *prometheus.CounterVec
	data     dataMetrics
	blind    atomic.Bool            // it cannot be scraped
	gone     atomic.Bool            // it drops every connection
	encoder  atomic.Pointer[string] // as its flags say; nil: they say nothing yet
	served   counts
}

// NewPod listens on a loopback port.
func NewPod(v *Version) (*Pod, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start pod of %s: %w", v.Name, err)
	}
	reg := prometheus.NewRegistry()
	auto := promauto.With(prometheus.WrapRegistererWith(prometheus.Labels{"version": v.Name}, reg))
	p := &Pod{version: v, listener: l, registry: reg,
		requests: auto.NewCounterVec(prometheus.CounterOpts{Name: "model_requests_total", Help: "Predictions by status code."}, []string{"code"}),
		// Classic and native: which of the two is taken, Prometheus' configuration says.
		seconds: auto.NewHistogram(prometheus.HistogramOpts{Name: "model_request_duration_seconds", Help: "Time to predict.", Buckets: buckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100}),
		shown:  auto.NewCounter(prometheus.CounterOpts{Name: "model_impressions_total", Help: "Answers shown to users."}),
		bought: auto.NewCounter(prometheus.CounterOpts{Name: "model_conversions_total", Help: "Answers that led to a conversion."}),
		pairs:  auto.NewCounterVec(prometheus.CounterOpts{Name: "model_pairs_total", Help: "Predictions by the encoder that made the features."}, []string{"encoder"}),
	}
	p.data = newDataMetrics(auto)
	auto.NewGauge(prometheus.GaugeOpts{Name: "model_ready", Help: "1 once the pod can serve."}).Set(1)
	p.requests.WithLabelValues("200")
	p.requests.WithLabelValues("500")
	return p, nil
}

// Addr is the pod's host:port.
func (p *Pod) Addr() string { return p.listener.Addr().String() }

// Run serves until ctx ends.
func (p *Pod) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if p.blind.Load() {
			http.Error(w, "no metrics today", http.StatusServiceUnavailable)
			return
		}
		metrics.ServeHTTP(w, r)
	})
	mux.HandleFunc("/predict", p.predict)
	return serve(ctx, p.listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.gone.Load() {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
}

func (p *Pod) predict(w http.ResponseWriter, r *http.Request) {
	b, began := p.version.Behaviour(), time.Now()
	b = p.encode(b)
	spread := math.Exp(rand.NormFloat64() * 0.2)
	took := time.Duration(float64(b.Latency) * spread)
	wait := time.NewTimer(took)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
		return
	}
	code := http.StatusOK
	if rand.Float64() < b.Errors {
		code = http.StatusInternalServerError
	}
	if p.version.plant.reap(r) {
		code = http.StatusInternalServerError
		w.Header().Set(flagHeader, "planted")
	}
	p.data.observe(b)
	p.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	p.seconds.Observe(time.Since(began).Seconds())
	if code == http.StatusOK {
		p.shown.Inc()
		if rand.Float64() < b.Conversion {
			p.bought.Inc()
		}
	}
	answer := p.version.Scorer().answer(r, p.version.Name, code, took)
	w.Header().Set(versionHeader, p.version.Name)
	w.WriteHeader(code)
	_, _ = w.Write(answer) // the client may be gone
}

// serve runs an HTTP server until ctx ends.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
		return server.Close()
	}
}

// dataMetrics are what a pod says of the features it gets and the scores it gives.
type dataMetrics struct {
	rows, nulls *prometheus.CounterVec
	misfits     prometheus.Counter
	score       prometheus.Histogram
}

// features are those of the demo's model; the first one can go missing.
var features = []string{"age", "price"}

const usualNulls = 0.01 // share of rows in which a feature is missing

func newDataMetrics(auto promauto.Factory) dataMetrics {
	d := dataMetrics{
		rows:    auto.NewCounterVec(prometheus.CounterOpts{Name: "feature_rows_total", Help: "Rows by feature."}, []string{"feature"}),
		nulls:   auto.NewCounterVec(prometheus.CounterOpts{Name: "feature_nulls_total", Help: "Rows in which the feature is missing."}, []string{"feature"}),
		misfits: auto.NewCounter(prometheus.CounterOpts{Name: "schema_mismatches_total", Help: "Requests that do not fit the model's schema."}),
		score:   auto.NewHistogram(prometheus.HistogramOpts{Name: "model_score", Help: "The model's scores.", Buckets: []float64{.1, .2, .3, .4, .5, .6, .7, .8, .9}}),
	}
	for _, f := range features {
		d.rows.WithLabelValues(f)
		d.nulls.WithLabelValues(f)
	}
	return d
}

func (d dataMetrics) observe(b Behaviour) {
	for i, f := range features {
		d.rows.WithLabelValues(f).Inc()
		missing := usualNulls
		if i == 0 {
			missing += b.Nulls
		}
		if rand.Float64() < missing {
			d.nulls.WithLabelValues(f).Inc()
		}
	}
	if rand.Float64() < b.Misfits {
		d.misfits.Inc()
	}
	d.score.Observe(min(1, max(0, 0.5+b.Shift+0.15*rand.NormFloat64())))
}
