package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/test/fixture"
	"github.com/prometheus/client_golang/prometheus"
)

// What the rules compare appears after the warm-up, both sides at once, and goes with
// the transaction that takes the candidate's traffic away.
func TestRolesAppearAfterTheWarmup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		e, _, _ := solo(t, func(p *Parts) { p.Registerer = reg })
		warmup := e.services["ranker"].rb.Metrics.Warmup.Std()
		if got := rolesOf(t, reg); len(got) != 0 {
			t.Errorf("at once: %v", got)
		}
		time.Sleep(warmup - time.Nanosecond)
		if got := rolesOf(t, reg); len(got) != 0 {
			t.Errorf("a nanosecond early: %v", got)
		}
		time.Sleep(time.Nanosecond)
		if got := rolesOf(t, reg); got["stable"] != "v1" || got["candidate"] != "v2" || len(got) != 2 {
			t.Errorf("after the warm-up: %v", got)
		}
		if _, err := e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
			t.Fatal(err)
		}
		if got := rolesOf(t, reg); len(got) != 0 {
			t.Errorf("after the rollback: %v", got)
		}
	})
}

// rolesOf is the version that each exported role names.
func rolesOf(tb testing.TB, reg *prometheus.Registry) map[string]string {
	tb.Helper()
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range families {
		if f.GetName() != "autorollback_release_role" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			out[labels["role"]] = labels["version"]
		}
	}
	return out
}
