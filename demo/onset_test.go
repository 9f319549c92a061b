package demo

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
)

// began: the incident says when harm began, the bracket holds the truth and is no wider than
// that, and the page says so and not that harm began with the alert.
func (v *virtual) began(inc record.Incident, wide time.Duration) {
	v.t.Helper()
	v.bracket(inc)
	h, every, truth := inc.Harm(), v.rb.Metrics.Interval.Std(), v.harmed()
	if got := h.To.Sub(h.From); got > wide || got < 2*every {
		v.t.Errorf("the bracket is %s wide, want at most %s", got, wide)
	}
	if off := h.At.Sub(truth).Abs(); off > wide/2 {
		v.t.Errorf("the most likely moment %s is %s from the truth", h.At, off)
	}
	v.has(v.read(inc, "incident.md"), "| Harm began | between "+h.From.UTC().Format("2006-01-02 15:04:05")+" and ",
		"Harm began: **"+h.At.UTC().Format(time.TimeOnly)+"**")
}

// A canary at 5 % begins to fail a tenth of its requests: the page says when, and how many failed
// beyond what v1 would have failed, as the fleet itself counted.
func TestImpactOfErrors(t *testing.T) {
	t.Parallel()
	rb := ready(t, "canary", onJSON...)
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, rb, newFleet(200, 3, 2))
		defer v.stop()
		time.Sleep(8 * time.Minute)
		v.start(5)
		time.Sleep(10 * time.Minute)
		v.fleet.behave("v2", func(b *Behaviour) { b.Errors = 0.1 })
		v.until("the rollback", 6*time.Minute, func() bool { return v.release().Phase == record.RolledBack })
		inc := v.ended(15 * time.Minute)
		v.began(inc, 90*time.Second)
		v.told(inc, record.Failures)
		v.has(v.read(inc, "incident.md"), "| Failed requests | ", " more than at v1's rate (")
	})
}
