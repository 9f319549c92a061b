package demo

import (
	"math/rand/v2"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

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
