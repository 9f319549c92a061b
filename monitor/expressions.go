package monitor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// bornBack is how far back an event series is looked for by the server before it is taken
// for a new one.
const bornBack = time.Hour

// now is the newest sample of the interval.
func (c *Counter) now(series string) string {
	return fmt.Sprintf("last_over_time(%s[%s])", series, c.span(1))
}

// before is the newest sample before the interval, if it is not too old.
func (c *Counter) before(series string) string {
	return fmt.Sprintf("last_over_time(%s[%s] offset %s)", series, c.span(patience), c.span(1))
}

// born is what event series held before: 0 if they were not there, on pods that were.
func (c *Counter) born(events, before string) string {
	return fmt.Sprintf("(last_over_time(%s[%s] offset %s) or 0 * %s) and on (%s) %s",
		events, model.Duration(bornBack), c.span(1), c.now(events), c.keys(""), before)
}

// eventsOf are the selectors of events that are series of that metric.
func (c *Counter) eventsOf(metric string) []string {
	var out []string
	for i := range c.measures {
		if bad := c.measures[i].Bad; bad != nil && nameOf(bad) == metric {
			if x := c.selector(bad, nil); !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	return out
}

// grown is the growth since before, added up by side, pod and one more label.
func (c *Counter) grown(label, series, before string) string {
	return c.sum(label, fmt.Sprintf("clamp_min(%s - (%s), 0)", c.now(series), before))
}

func (c *Counter) sum(label, expr string) string {
	return fmt.Sprintf("sum by (%s) (%s)", c.keys(label), expr)
}

// keys are the labels of side and pod, and one more unless it is empty.
func (c *Counter) keys(label string) string {
	side, _, _ := c.sides()
	var out []string
	for _, l := range []string{side, c.rb.Metrics.PodLabel, label} {
		switch {
		case l == "":
		case model.LegacyValidation.IsValidLabelName(l):
			out = append(out, l)
		default:
			out = append(out, strconv.Quote(l))
		}
	}
	return strings.Join(out, ", ")
}

// span is that many intervals as PromQL writes it.
func (c *Counter) span(intervals int) string {
	return model.Duration(time.Duration(intervals) * c.rb.Metrics.Interval.Std()).String()
}

// selector is of series of both sides.
func (c *Counter) selector(matchers []*labels.Matcher, bounds []float64) string {
	return c.written(wantedOf(matchers, bounds))[0]
}

func nameOf(matchers []*labels.Matcher) string { return wantedOf(matchers, nil)[0].name }
