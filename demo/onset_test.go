package demo

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
)

// began: the incident says when harm began, the bracket holds the truth and is no wider than
// that, and the page says so and not that harm began with the alert.
func (v *virtual) began(inc record.Incident, truth time.Time, wide time.Duration) {
	v.t.Helper()
	h, every := inc.Harm(), v.rb.Metrics.Interval.Std()
	v.t.Logf("harm began %s; said: between %s and %s, most likely %s", truth, h.From, h.To, h.At)
	if h.From.After(truth) || h.To.Before(truth) {
		v.t.Errorf("harm began %s, and the incident says between %s and %s", truth, h.From, h.To)
	}
	if got := h.To.Sub(h.From); got > wide || got < 2*every {
		v.t.Errorf("the bracket is %s wide, want at most %s", got, wide)
	}
	if off := h.At.Sub(truth).Abs(); off > wide/2 {
		v.t.Errorf("the most likely moment %s is %s from the truth", h.At, off)
	}
	v.has(v.read(inc, "incident.md"), "| Harm began | between "+h.From.UTC().Format("2006-01-02 15:04:05")+" and ",
		"| Alert fired |", " after harm began")
}

// A canary at 5 % begins to fail a tenth of its requests: the page says when, and how many failed
// beyond what v1 would have failed, as the fleet itself counted.
func TestImpactOfErrors(t *testing.T) {
	t.Parallel()
	rb := ready(t, "canary", onJSON...)
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, rb, newFleet(200, 0.3, 3, 2))
		defer v.stop()
		time.Sleep(8 * time.Minute)
		v.start(5)
		time.Sleep(10 * time.Minute)
		v.fleet.harm(1, 1, 0.1)
		harmed := time.Now()
		v.until("the rollback", 6*time.Minute, func() bool { return v.release().Phase == record.RolledBack })
		inc := v.ended(15 * time.Minute)
		v.began(inc, harmed, 90*time.Second)
		v.lost(inc, record.Failures, v.fleet.failed)
		v.has(v.read(inc, "incident.md"), "Impact: failed requests | ", " more than at v1's rate (")
	})
}

// lost: the incident's impact is within 20 % of what the fleet counted, and its bounds hold that.
// What v2 did not harm is not claimed.
func (v *virtual) lost(inc record.Incident, kind record.LossKind, truth func(record.Loss) float64) {
	v.t.Helper()
	if inc.Impact == nil || inc.Impact.Problem != "" {
		v.t.Fatalf("the impact is %+v", inc.Impact)
	}
	found := false
	for _, l := range inc.Impact.Losses {
		if l.Kind != kind {
			if l.Low > 0 {
				v.t.Errorf("v2 did no such harm: %+v", l)
			}
			continue
		}
		found = true
		want := truth(l)
		v.t.Logf("%s: the truth is %.0f, the page says %.0f (%.0f to %.0f)", kind, want, l.Excess, l.Low, l.High)
		if math.Abs(l.Excess-want) > 0.2*want || l.Low > want || l.High < want {
			v.t.Errorf("%s is %.0f, and the incident says %+v", kind, want, l)
		}
	}
	if !found {
		v.t.Errorf("no %s in %+v", kind, inc.Impact.Losses)
	}
}

// failed is how many more requests failed on v2 than would have on v1.
func (f *fleet) failed(record.Loss) float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.truth.failed - usuallyFails*f.truth.requests
}

// slow is how many more were slower than the limit that the incident names, by how times are drawn.
func (f *fleet) slow(l record.Loss) float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	above := func(slower float64) float64 { return 1 - normal(math.Log(l.Limit/(0.11*slower))/0.5) }
	return f.truth.requests * (above(f.truth.slower) - above(1))
}

// missed is how many conversions v2 had less than v1 would have had of its trials.
func (f *fleet) missed(record.Loss) float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.convert*f.truth.trials - f.truth.converted
}
