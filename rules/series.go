package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
	"github.com/prometheus/prometheus/model/labels"
)

// A book is a runbook whose names and matchers have been parsed: only here do texts
// of a runbook become PromQL.
type book struct {
	*runbook.Runbook
	selector  []string          // matchers of all the service's series
	failed    []string          // further matchers of errors
	on        string            // labels that tell which side a series belongs to
	carry     string            // labels the role lends to a series
	every     string            // the interval
	back      string            // how far to look for a pod's newest sample: 4 intervals
	names     map[string]bool   // metrics and labels that the runbook chose
	compared  map[string]pair   // of the compare triggers, by name
	anomalies map[string]string // expressions of the anomaly triggers, by name
	drift     []string          // matchers of the drift gauges
	shapes    *shapes
	parsed    *memory // of the questions; nil while compiling, which asks nothing twice
}

func open(rb *runbook.Runbook) (*book, error) { return openWith(rb, newShapes()) }

func openWith(rb *runbook.Runbook, known *shapes) (*book, error) {
	b := &book{
		Runbook: rb,
		on:      sideLabel(rb), carry: "region, release, role",
		every: rb.Metrics.Interval.String(), back: (4 * rb.Metrics.Interval).String(),
		names: map[string]bool{}, compared: map[string]pair{}, anomalies: map[string]string{}, shapes: known,
	}
	if l := rb.Metrics.RegionLabel; l != "" {
		b.on += ", " + l
		if l == "region" {
			b.carry = "release, role"
		}
	}
	if err := b.checkNames(); err != nil {
		return nil, err
	}
	var err error
	if b.selector, err = b.matchers(rb.Metrics.Selector); err != nil {
		return nil, fmt.Errorf("metrics.selector: %w", err)
	}
	if b.failed, err = b.matchers(rb.Metrics.Requests.Errors); err != nil {
		return nil, fmt.Errorf("metrics.requests.errors: %w", err)
	}
	if err := b.readTriggers(); err != nil {
		return nil, err
	}
	return b, nil
}

func sideLabel(rb *runbook.Runbook) string {
	if t := rb.Metrics.Track; t != nil {
		return t.Label
	}
	return rb.Metrics.VersionLabel
}

// matchers parses label matchers written without braces and writes them anew.
func (b *book) matchers(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	found, err := b.shapes.parser.ParseMetricSelector("{" + text + "}")
	if err != nil {
		return nil, fmt.Errorf("parse matchers %q: %w", text, err)
	}
	out := make([]string, 0, len(found))
	for _, m := range found {
		if m.Name == labels.MetricName {
			return nil, fmt.Errorf("matchers %q name a metric", text)
		}
		out = append(out, m.String())
	}
	return out, nil
}

// parse makes an Expr in its readable form, which is the same for the same tree.
func (b *book) parse(text string) (Expr, error) {
	parse := func() (Expr, error) { return b.shapes.parse(text, b.names) }
	if b.parsed == nil {
		return parse()
	}
	return b.parsed.get(text, parse)
}

// raw is a series of the service itself.
func (b *book) raw(name string, more ...string) string {
	return selector(name, append(b.selector[:len(b.selector):len(b.selector)], more...))
}

func selector(name string, matchers []string) string {
	kept := make([]string, 0, len(matchers))
	for _, m := range matchers {
		if m != "" {
			kept = append(kept, m)
		}
	}
	slices.Sort(kept)
	return name + "{" + strings.Join(kept, ",") + "}"
}

// A scope narrows recorded series: to a service in rules, further to one region and
// release in the questions about it.
type scope []string

func (b *book) everyone() scope { return scope{match("service", b.Service)} }

func (b *book) of(rel runbook.Release) scope {
	return append(b.everyone(), match("region", rel.Region), match("release", rel.ID))
}

// rec is a recorded series within the scope.
func (s scope) rec(name string, more ...string) string {
	return selector(name, append(s[:len(s):len(s)], more...))
}

// sided multiplies the service's series by 1 and lends them region, release and role.
// Series of versions that play no part vanish.
func (b *book) sided(expr string, s scope, more ...string) string {
	return fmt.Sprintf("%s * on (%s) group_left (%s) %s", expr, b.on, b.carry, s.rec(seriesRole, more...))
}

// sidedSum adds series up before it asks for their side, so that few are joined: what is
// kept tells them apart further.
func (b *book) sidedSum(expr, kept string, s scope, more ...string) string {
	return b.sided(fmt.Sprintf("sum by (%s, %s) (%s)", b.on, kept, expr), s, more...)
}

// delta is the exact growth over one interval: no extrapolation, lost scrapes are
// bridged, a counter's reset counts as nothing, a new series skips its first interval.
func (b *book) delta(series string) string { return b.grown(series, b.every) }

// grown is delta over a longer time.
func (b *book) grown(series, over string) string {
	return fmt.Sprintf("clamp_min(last_over_time(%[1]s[%[2]s]) - last_over_time(%[1]s[%[2]s] offset %[3]s), 0)", series, b.back, over)
}

// bornDelta is delta for events whose series may appear only with the first of them: it
// grew from 0. What a new pod brings with it must be left out, see [book.present].
func (b *book) bornDelta(events string) string {
	return fmt.Sprintf("clamp_min(last_over_time(%[1]s[%[2]s]) - (last_over_time(%[1]s[%[2]s] offset %[3]s) or 0 * last_over_time(%[1]s[%[2]s])), 0)", events, b.back, b.every)
}

// present are the pods of a signal of which an interval is known: those that were there
// before it.
func (b *book) present(signal string) string {
	return fmt.Sprintf("on (%s) %s", b.Metrics.PodLabel, b.everyone().rec(seriesPodAll, match("signal", signal)))
}
