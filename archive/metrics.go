package archive

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	archived, failures, removed prometheus.Counter
}

// newMetrics makes the archiver's series. How far it lags behind is exported only where there is an archive.
func newMetrics(reg prometheus.Registerer, a *Archiver) *metrics {
	auto := promauto.With(reg)
	count := func(name, help string) prometheus.Counter {
		return auto.NewCounter(prometheus.CounterOpts{Name: "autorollback_" + name, Help: help})
	}
	m := &metrics{
		archived: count("evidence_archived_total", "Evidence folders that were copied into the archive and read back."),
		failures: count("evidence_archive_failures_total", "Attempts to archive evidence that failed; they are tried again."),
		removed:  count("evidence_removed_total", "Evidence folders that were removed from this machine, after they were read back from the archive."),
	}
	auto.NewGaugeFunc(prometheus.GaugeOpts{Name: "autorollback_evidence_unarchived", Help: "Incidents whose evidence is sealed and not in the archive."},
		func() float64 { return float64(a.Stand().Waiting) })
	if a.opts.Where != "" {
		auto.NewGaugeFunc(prometheus.GaugeOpts{Name: "autorollback_evidence_archive_lag_seconds", Help: "How long the oldest sealed evidence that is not in the archive waits; 0: all is archived."}, a.lag)
	}
	return m
}

func (a *Archiver) lag() float64 {
	if oldest := a.Stand().Oldest; !oldest.IsZero() {
		return max(0, time.Since(oldest).Seconds())
	}
	return 0
}
