package demo

import (
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
