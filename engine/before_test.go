package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What the stable pods did in the hour before the release is exported with the roles
// at the latest, is asked for until Prometheus answers, and goes with the release.
func TestTheHourBeforeIsExported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		e, _, f := solo(t, func(p *Parts) { p.Registerer = reg })
		f.set(func(f *facts) { f.restless, f.down = 7, true })
		e.watchBefore(t.Context())
		if got := dispersions(t, reg); len(got) != 0 {
			t.Errorf("while Prometheus is down: %v", got)
		}
		f.set(func(f *facts) { f.down = false })
		e.watchBefore(t.Context())
		got := dispersions(t, reg)
		if got["errors"] != 7 || got["latency_p95"] != 7 || len(got) != 2 {
			t.Errorf("once Prometheus answers: %v", got)
		}
		f.set(func(f *facts) { f.restless = 9 })
		e.watchBefore(t.Context())
		if again := dispersions(t, reg); again["errors"] != 7 {
			t.Errorf("asked again, though it was known: %v", again)
		}
		if _, err := e.Rollback(t.Context(), "ranker", "", "ann", "because"); err != nil {
			t.Fatal(err)
		}
		if got := dispersions(t, reg); len(got) != 0 {
			t.Errorf("after the rollback: %v", got)
		}
	})
}

// A daemon that starts when the release is older than the hour before it counts asks
// for nothing.
func TestTheHourBeforeAnOldReleaseIsNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		e, _, _ := solo(t, func(p *Parts) { p.Registerer = reg })
		time.Sleep(time.Hour + e.services["ranker"].rb.Metrics.Warmup.Std() + time.Second)
		e.watchBefore(t.Context())
		if got := dispersions(t, reg); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

// dispersions are the exported ones, by signal.
func dispersions(tb testing.TB, reg *prometheus.Registry) map[string]float64 {
	tb.Helper()
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != "autorollback_release_dispersion" {
				continue
			}
			for _, l := range m.GetLabel() {
				if l.GetName() == "signal" {
					out[l.GetValue()] = m.GetGauge().GetValue()
				}
			}
			if len(m.GetLabel()) != 4 {
				tb.Errorf("labels of %s", m)
			}
		}
	}
	return out
}
