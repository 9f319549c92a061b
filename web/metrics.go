package web

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct{ requests, signIns *prometheus.CounterVec }

// newMetrics registers the metrics of one listener: web or metrics.
func newMetrics(reg prometheus.Registerer, listener string) metrics {
	with := promauto.With(prometheus.WrapRegistererWith(prometheus.Labels{"listener": listener}, reg))
	m := metrics{
		with.NewCounterVec(prometheus.CounterOpts{
			Name: "autorollback_web_requests_total",
			Help: "Requests of people and of the command line by class of the answer's status code.",
		}, []string{"class"}),
		with.NewCounterVec(prometheus.CounterOpts{
			Name: "autorollback_web_sign_ins_total",
			Help: "Passwords by what became of them: accepted, wrong or no_such_name after a comparison; cached, throttled or busy without one.",
		}, []string{"result"}),
	}
	for class := 2; class <= 5; class++ {
		m.requests.WithLabelValues(strconv.Itoa(class) + "xx")
	}
	for _, result := range []string{accepted, cached, wrong, noSuch, throttled, busy} {
		m.signIns.WithLabelValues(result)
	}
	return m
}

func (m metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &watched{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		m.requests.WithLabelValues(strconv.Itoa(seen.code/100) + "xx").Inc()
	})
}

// watched remembers the status code.
type watched struct {
	http.ResponseWriter
	code int
}

func (w *watched) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for [http.ResponseController].
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
