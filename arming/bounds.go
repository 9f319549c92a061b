package arming

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/rules"
)

// bounds compares the bounds that the runbook declares with those that the histogram has,
// as numbers: Prometheus writes 1e+06 where a runbook says 1000000.
func (l *look) bounds(ctx context.Context, m rules.Measure, concerns []string) error {
	if m.Native {
		return nil
	}
	v, err := l.vector(ctx, fmt.Sprintf("group by (%s) (%s)", model.BucketLabel, l.selector(m.Histogram)))
	if err != nil {
		return err
	}
	var live []float64
	for _, s := range v {
		if b, err := strconv.ParseFloat(string(s.Metric[model.BucketLabel]), 64); err == nil && b < 1e300 {
			live = append(live, b)
		}
	}
	lacks, extra := without(m.Bounds, live), without(live, m.Bounds)
	if len(lacks)+len(extra) == 0 {
		return nil
	}
	var what []string
	if len(lacks) > 0 {
		what = append(what, "it has no bound "+listed(lacks))
	}
	if len(extra) > 0 {
		what = append(what, "the runbook leaves out "+listed(extra))
	}
	slices.Sort(live)
	l.find(Bounds, concerns, fmt.Sprintf("%s has other bounds than the runbook: %s", name(m.Histogram), strings.Join(what, "; ")),
		"write the bounds that it has: ["+listed(live)+"]")
	return nil
}

func without(all, taken []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(all), func(b float64) bool {
		return slices.ContainsFunc(taken, func(o float64) bool { return b == o })
	})
}

func listed(bounds []float64) string {
	texts := make([]string, len(bounds))
	for i, b := range bounds {
		texts[i] = strconv.FormatFloat(b, 'g', -1, 64)
	}
	return strings.Join(texts, ", ")
}

// beyond is how many times the greatest bound of a histogram a limit may be: it shows nothing over
// that bound, so such a limit is never reached, whatever the level is.
const beyond = 20

// How far the stable side's level may be from the runbook's own limit before the unit is
// doubted: a service that is twenty times too slow is not released to, and one that is ten
// thousand times faster than its limit is measured in another unit.
const (
	tooSlow = 20
	tooFast = 10_000
)

// recoverable checks every recovery question for data, and those in seconds for their unit.
func (l *look) recoverable(ctx context.Context) error {
	for _, r := range l.ask.Recovery(l.rel) {
		v, err := l.vector(ctx, r.Now.String())
		if err != nil {
			return err
		}
		if len(v) == 0 {
			if !r.Business {
				l.find(Recovery, nil, fmt.Sprintf("the recovery check %q gets no data: after a rollback it could not tell whether users recovered", r.Name),
					"correct its series, or wait for traffic")
			}
			continue
		}
		if why := l.otherUnit(r, float64(v[0].Value)); why != "" {
			l.find(Unit, l.slowness(), why+": one of the two has another unit", "write the unit of the metric (`unit: ms`), or correct the limit")
		}
	}
	return nil
}

// otherUnit says why the unit of a level now is doubted: it is far from the runbook's own limit, or
// the histogram's bounds are.
func (l *look) otherUnit(r rules.Recovery, now float64) string {
	limit, most := r.Absolute, l.greatestBound()
	switch {
	case r.Unit != "s" || limit <= 0:
	case now > tooSlow*limit || now < limit/tooFast:
		return fmt.Sprintf("%s reads as %s, and the runbook's own limit is %s", r.Name, seconds(now), seconds(limit))
	case most > 0 && limit > beyond*most:
		return fmt.Sprintf("%s can read as %s at most, the greatest bound of its histogram, and the runbook's own limit is %s", r.Name, seconds(most), seconds(limit))
	}
	return ""
}

// greatestBound is that of the latency that recovery is judged by, in seconds; 0: it has none.
func (l *look) greatestBound() float64 {
	c := l.rb.Verification.System.Latency
	if c == nil {
		return 0
	}
	of, _ := l.rb.Metrics.LatencyOf(c.Latency)
	if bounds := of.Seconds(); len(bounds) > 0 {
		return bounds[len(bounds)-1]
	}
	return 0
}

// slowness are the triggers that judge latency.
func (l *look) slowness() []string {
	var out []string
	for _, t := range l.rb.Triggers {
		if t.Quantile > 0 || t.Ceiling > 0 {
			out = append(out, t.Name)
		}
	}
	return out
}

// seconds is a time in the unit that reads best.
func seconds(s float64) string {
	switch {
	case s >= 1:
		return strconv.FormatFloat(s, 'g', 3, 64) + " s"
	case s >= 1e-3:
		return strconv.FormatFloat(s*1e3, 'g', 3, 64) + " ms"
	}
	return strconv.FormatFloat(s*1e6, 'g', 3, 64) + " µs"
}
