package plan

import (
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// widest is how far apart bounds may be around a limit: default client buckets, more
// than twice apart, read +10 % as +18 % (docs/triggers.md).
const widest = 1.2

// lintBuckets looks at the histograms where the triggers and checks read them.
func (p Plan) lintBuckets() []Lint {
	var out []Lint
	for i, t := range p.rb.Triggers {
		at := fmt.Sprintf("triggers[%d] %s", i, t.Name)
		if t.Type == runbook.LatencyQuantile && t.Increase > 0 && p.classic(t.Latency) {
			out = append(out, p.lintQuantile(at, t)...)
		}
		if t.Ceiling > 0 && p.classic(t.Latency) {
			out = append(out, p.lintLimit(at+" ceiling", t.Latency, t.Ceiling, LintError)...)
		}
	}
	if c := p.rb.Verification.System.Latency; c != nil && c.Below > 0 && p.classic(c.Latency) {
		out = append(out, p.lintLimit("verification.system.latency.below", c.Latency, c.Below, LintWarning)...)
	}
	return out
}

// classic reports whether the latency has bounds to look at.
func (p Plan) classic(name string) bool {
	_, bounds := p.histogram(name)
	return len(bounds) > 0
}

// around are the bounds that enclose a value; to is 0 above the highest.
func around(bounds []float64, v float64) (from, to float64) {
	i, _ := slices.BinarySearch(bounds, v)
	if i > 0 {
		from = bounds[i-1]
	}
	if i < len(bounds) {
		to = bounds[i]
	}
	return from, to
}

// lintQuantile says how the trigger's own effect will be read, where the bounds around
// the quantile are wide, or the histogram ends.
func (p Plan) lintQuantile(at string, t runbook.Trigger) []Lint {
	l, bounds := p.histogram(t.Latency)
	level := p.latency(t.Latency, 0).quantile(t.Quantile)
	slower := p.latency(t.Latency, float64(t.Increase)).quantile(t.Quantile)
	says := fmt.Sprintf("a true +%s will read as %+.0f%%", t.Increase, 100*p.reading(t, float64(t.Increase)))
	from, to := around(bounds, level)
	if _, end := around(bounds, slower); end == 0 {
		return []Lint{{LintWarning, at, fmt.Sprintf("the histogram ends at %s, below a %s that is %s slower (%s): %s", bound(l, bounds[len(bounds)-1]), percentile(t.Quantile), t.Increase, millis(slower), says),
			"add buckets above it, or expose a native histogram"}}
	}
	from2, to2 := around(bounds, slower)
	if to2/max(from2, 1e-9) > to/max(from, 1e-9) {
		from, to = from2, to2
	}
	if to <= widest*from {
		return nil
	}
	return []Lint{{LintWarning, at, fmt.Sprintf("buckets at %s and %s are more than %s times apart, where the %s lies (%s): %s", bound(l, from), bound(l, to), num(widest), percentile(t.Quantile), millis(level), says),
		fmt.Sprintf("put bounds at most %s times apart between %s and %s, or expose a native histogram", num(widest), millis(level), millis(slower))}}
}

// lintLimit says how a limit in seconds will be read. One at or above the highest
// bucket is never exceeded, since a quantile is never read above it: beyond is how bad
// that is, an error for a trigger, which could never fire.
func (p Plan) lintLimit(at, name string, limit runbook.Duration, beyond LintSeverity) []Lint {
	v := limit.Std().Seconds()
	l, bounds := p.histogram(name)
	switch from, to := around(bounds, v); {
	case v >= bounds[len(bounds)-1]:
		return []Lint{{beyond, at, fmt.Sprintf("%s is not below the highest bucket, %s: the limit can never be exceeded", limit, bound(l, bounds[len(bounds)-1])), "add a bucket above it"}}
	case slices.Contains(bounds, v): // a bound at the limit itself reads it exactly
		return nil
	case to > widest*from:
		return []Lint{{LintWarning, at, fmt.Sprintf("%s lies between the buckets %s and %s: what is read there is a guess along a straight line", limit, bound(l, from), bound(l, to)),
			fmt.Sprintf("add a bucket at %s", num(v*l.Unit.PerSecond()))}}
	}
	return nil
}
