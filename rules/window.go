package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// A window is a look at the service's own series over a length of time: of all
// versions, or of those that where selects.
type window struct {
	b      *book
	where  string // one more matcher; may be empty
	length string
	by     string // the label that is kept; may be empty
}

func (w window) sum(series string) string {
	if w.by == "" {
		return fmt.Sprintf("sum(increase(%s[%s]))", series, w.length)
	}
	return fmt.Sprintf("sum by (%s) (increase(%s[%s]))", w.by, series, w.length)
}

func (w window) requests() string { return w.sum(w.b.raw(w.b.Metrics.Requests.Counter, w.where)) }

// errorRate is a share: 0 without any error series, nothing without traffic.
func (w window) errorRate() string {
	bad := w.sum(w.b.raw(w.b.Metrics.Requests.Counter, append([]string{w.where}, w.b.failed...)...))
	return fmt.Sprintf("((%[1]s or 0 * %[2]s) / (%[2]s > 0))", bad, w.requests())
}

func (w window) histogram() string {
	if w.b.native() {
		return w.sum(w.b.histogram(w.where))
	}
	by := "le"
	if w.by != "" {
		by = w.by + ", le"
	}
	return fmt.Sprintf("sum by (%s) (increase(%s[%s]))", by, w.b.histogram(w.where), w.length)
}

// quantile is in seconds; nothing without observations.
func (w window) quantile(q float64) string {
	return fmt.Sprintf("(histogram_quantile(%s, %s) >= 0)", num(q), w.histogram())
}

// observed is the number of observations behind a quantile.
func (w window) observed() string {
	if w.b.native() {
		return fmt.Sprintf("histogram_count(%s)", w.histogram())
	}
	return w.sum(w.b.histogram(`le="+Inf"`, w.where))
}

// ratio is successes out of trials: 0 without any success, nothing without trials.
func (w window) ratio(successes, trials string) string {
	good, all := w.sum(w.b.raw(successes, w.where)), w.sum(w.b.raw(trials, w.where))
	return fmt.Sprintf("((%[1]s or 0 * %[2]s) / (%[2]s > 0))", good, all)
}

// variance is that of the values of single trials; nothing without any.
func (w window) variance(k runbook.KPI) string {
	return fmt.Sprintf("clamp_min(%s - %s ^ 2, 0)", w.ratio(k.Squares, k.Trials), w.ratio(k.Sum, k.Trials))
}

// spread is their standard deviation over their mean.
func (w window) spread(k runbook.KPI) string {
	return fmt.Sprintf("sqrt(%s) / %s", w.variance(k), w.ratio(k.Sum, k.Trials))
}
