package monitor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// A Question is an instant query of the aggregated way to count, and the name under which
// its answer is given to [Counter.AddDeltas].
type Question struct{ Name, Expr string }

// A question is what an answer is about.
type question struct {
	expr    string
	measure int
	kind    kind
	traffic trafficKind
}

type trafficKind uint8

const (
	noTraffic trafficKind = iota
	paces
	lately // pods that were scraped in the last 10 minutes
)

// Aggregated are the questions that give the growth of one interval added up by side, pod,
// bound and part on the server, for a release with very many series. They must be
// evaluated at exactly the interval's end. Where no counter is reset and no series is new
// or lost for long, the counts are those of raw samples. Otherwise:
//
//   - A reset counts as nothing, as PromQL has no "and the pod's request counter fell".
//   - An event series that was not there for an hour is taken for a new one, not for 24 h.
//   - Births are not told apart: PodCount.Born is empty.
//   - Of several scrapes within one interval, a new pod's first interval counts as nothing.
//   - A sample that came late is counted by the server as if it had been in time.
func (c *Counter) Aggregated() []Question {
	var out []Question
	for i := range c.measures {
		for _, what := range whats {
			name := c.measures[i].Name + "/" + what
			if q, ok := c.questions[name]; ok {
				out = append(out, Question{name, q.expr})
			}
		}
	}
	return out
}

var whats = []string{"all", "more", "bad", "squares", "buckets", "native", "pace", "seen"}

// plan makes the questions of all measures, by name.
func (c *Counter) plan() map[string]question {
	out := map[string]question{}
	for i := range c.measures {
		m := &c.measures[i]
		add := func(what string, q question) { q.measure = i; out[m.Name+"/"+what] = q }
		if m.Name == analysis.Traffic && c.requests != nil {
			c.planTraffic(add)
			continue
		}
		c.planCounters(m, add)
		c.planHistogram(m, add)
	}
	return out
}

func (c *Counter) planTraffic(add func(string, question)) {
	var pace, seen []string
	for i, matchers := range c.requests {
		x := c.selector(matchers, nil)
		p := fmt.Sprintf("irate(%s[%s])", x, c.span(patience))
		if i > 0 { // "or" keeps series of one pod apart by a label
			p = fmt.Sprintf(`label_replace(%s, "autorollback_counted", "%d", "", "")`, p, i)
		}
		pace, seen = append(pace, p), append(seen, fmt.Sprintf("last_over_time(%s[10m])", x))
	}
	seconds := strconv.FormatFloat(float64(c.interval)/1000, 'f', -1, 64)
	add("pace", question{traffic: paces, expr: c.sum("", c.once(strings.Join(pace, " or "))) + " * " + seconds})
	add("seen", question{traffic: lately, expr: fmt.Sprintf("group by (%s) (%s)", c.keys(""), strings.Join(seen, " or "))})
}

func (c *Counter) planCounters(m *measure, add func(string, question)) {
	if m.All == nil {
		return
	}
	all := c.selector(m.All, nil)
	part := m.Part
	if m.SharedAll {
		part = ""
	}
	before := c.before(all)
	base := before
	for _, bad := range c.eventsOf(nameOf(m.All)) {
		base += " or " + c.born(bad, before)
	}
	if m.Bad != nil {
		bad := c.selector(m.Bad, nil)
		add("bad", question{kind: events, expr: c.grown(m.Part, bad, c.born(bad, before))})
	}
	if m.Squares != nil {
		x := c.selector(m.Squares, nil)
		add("squares", question{kind: squares, expr: c.grown("", x, c.born(x, before))})
	}
	add("all", question{kind: opportunities, expr: c.grown(part, all, base)})
	if m.More != nil {
		more := c.selector(m.More, nil)
		add("more", question{kind: opportunities, expr: c.grown(part, more, c.born(more, before))})
	}
}

func (c *Counter) planHistogram(m *measure, add func(string, question)) {
	switch {
	case m.Histogram == nil:
	case m.Native:
		x := c.selector(m.Histogram, nil)
		grown := fmt.Sprintf("%[1]s - %[2]s and histogram_count(%[1]s) >= histogram_count(%[2]s)", c.now(x), c.before(x))
		if len(c.rb.Metrics.IgnoreLabels) > 0 {
			grown = c.rb.Metrics.OnceNative("(" + grown + ")")
		}
		add("native", question{kind: native, expr: c.sum("", grown)})
	default:
		x := c.selector(m.Histogram, m.Bounds)
		add("buckets", question{kind: bucket, expr: c.grown(model.BucketLabel, x, c.before(x))})
	}
}

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
	return c.sum(label, c.once(fmt.Sprintf("clamp_min(%s - (%s), 0)", c.now(series), before)))
}

func (c *Counter) once(expr string) string { return c.rb.Metrics.Once(expr) }

func (c *Counter) sum(label, expr string) string {
	return fmt.Sprintf("sum by (%s) (%s)", c.keys(label), expr)
}

// keys are the labels of side and pod, and one more unless it is empty.
func (c *Counter) keys(label string) string {
	side, _, _ := c.sides()
	out := []string{side}
	if c.joiner != nil {
		out = slices.Clone(c.joiner.join.On)
	}
	for _, l := range []string{c.rb.Metrics.PodLabel, label} {
		if l != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return runbook.LabelNames(out...)
}

// span is that many intervals as PromQL writes it.
func (c *Counter) span(intervals int) string {
	return model.Duration(time.Duration(intervals) * c.rb.Metrics.Step().Std()).String()
}

// selector is of series of both sides.
func (c *Counter) selector(matchers []*labels.Matcher, bounds []float64) string {
	return c.written(wantedOf(matchers, bounds))[0]
}

func nameOf(matchers []*labels.Matcher) string { return wantedOf(matchers, nil)[0].name }
