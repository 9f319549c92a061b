package receiver

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// outcome is what the receiver did with one alert.
type outcome string

const (
	kept          outcome = ""
	firingAlert   outcome = "firing"
	resolvedAlert outcome = "resolved"
	unknown       outcome = "unknown"   // no runbook has it; passed on
	ignored       outcome = "ignored"   // not labelled autorollback="true"
	malformed     outcome = "malformed" // a name or status that cannot be one
	truncated     outcome = "truncated" // left out by Alertmanager
)

type metrics struct {
	requests *prometheus.CounterVec
	alerts   *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) metrics {
	f := promauto.With(reg)
	m := metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "autorollback_webhook_requests_total",
			Help: "Calls of Alertmanager's webhook by status code of the answer.",
		}, []string{"code"}),
		alerts: f.NewCounterVec(prometheus.CounterOpts{
			Name: "autorollback_webhook_alerts_total",
			Help: "Alerts in accepted webhook bodies by what became of them.",
		}, []string{"outcome"}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "autorollback_webhook_seconds",
			Help:    "Time from a webhook call to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 5},
		}),
	}
	for _, code := range []int{
		http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusServiceUnavailable,
	} {
		m.requests.WithLabelValues(strconv.Itoa(code))
	}
	for _, o := range []outcome{firingAlert, resolvedAlert, unknown, ignored, malformed, truncated} {
		m.alerts.WithLabelValues(string(o))
	}
	return m
}

func (m metrics) request(code int, took time.Duration) {
	m.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	m.seconds.Observe(took.Seconds())
}
