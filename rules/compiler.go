package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/runbook"
)

// A compiler is a runbook whose names and matchers have been parsed: only here do texts
// of a runbook become PromQL. Opening one is cheap: no expression is built.
type compiler struct {
	*runbook.Runbook
	parser    parser.Parser
	selector  []string            // matchers of all the service's series
	where     map[string][]string // further matchers of single series, by their text
	pairs     map[string]pair     // of the compare triggers, by name
	anomalies map[string]string   // expressions of the anomaly triggers, by name
	drift     []string            // matchers of the drift gauges
	exprs     *exprCache          // questions that were parsed
}

// open fails for a runbook that cannot be compiled.
func open(rb *runbook.Runbook) (*compiler, error) {
	b := &compiler{Runbook: rb, parser: parser.NewParser(parser.Options{}), pairs: map[string]pair{}, anomalies: map[string]string{}, where: map[string][]string{}, exprs: &exprCache{}}
	if err := b.checkNames(); err != nil {
		return nil, err
	}
	var err error
	if b.selector, err = b.matchers(rb.Metrics.Selector); err != nil {
		return nil, fmt.Errorf("metrics.selector: %w", err)
	}
	for _, s := range b.declared() {
		if b.where[s.Where], err = b.matchers(s.Where); err != nil {
			return nil, fmt.Errorf("matchers of %s: %w", s.Counter, err)
		}
	}
	if err := b.readJoin(); err != nil {
		return nil, err
	}
	if err := b.readTriggers(); err != nil {
		return nil, err
	}
	return b, b.checkTriggers()
}

// matchers parses label matchers written without braces and writes them anew.
func (b *compiler) matchers(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	found, err := b.parser.ParseMetricSelector("{" + text + "}")
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

// parse makes an Expr in the form in which Prometheus tells expressions.
func (b *compiler) parse(text string) (Expr, error) {
	if e, ok := b.exprs.get(text); ok {
		return e, nil
	}
	tree, err := b.parser.ParseExpr(text)
	if err != nil {
		return Expr{}, fmt.Errorf("parse PromQL %q: %w", text, err)
	}
	e := Expr{tree.String()}
	b.exprs.keep(text, e)
	return e, nil
}

// A counter is a series of the service itself, or a gauge: its name and what selects it
// beside the service's own matchers.
type counter struct {
	name     string
	matchers []string
	more     []counter // counted together with it: failures beside successes
}

// of is a series that the runbook declares.
func (b *compiler) of(s runbook.Selection, more ...string) counter {
	return counter{name: s.Counter, matchers: slices.Concat(b.where[s.Where], more)}
}

// sum is what several counters count together.
func (b *compiler) sum(all []runbook.Selection) counter {
	out := b.of(all[0])
	for _, s := range all[1:] {
		out.more = append(out.more, b.of(s))
	}
	return out
}

func (b *compiler) requests() counter { return b.sum(b.Metrics.Requests.All()) }

func (b *compiler) failures() counter { return b.of(b.Metrics.Requests.Failed()) }

// series writes the selector of a counter that is one series. A side that comes by a join is
// no label of it, see [compiler.onSide].
func (b *compiler) series(c counter, where ...string) string {
	if b.Metrics.Join != nil {
		where = slices.DeleteFunc(slices.Clone(where), b.isSide)
	}
	return selector(c.name, slices.Concat(b.selector, c.matchers, where))
}

// countedApart is a label that tells the series of two counters apart, so that "or" keeps
// all of them. It is aggregated away.
const countedApart = "autorollback_counted"

// each applies a function of one series to every series that the counter is made of.
func (b *compiler) each(c counter, where []string, apply func(series string) string) string {
	text := apply(b.series(c, where...))
	for i, o := range c.more {
		text += fmt.Sprintf(` or label_replace(%s, %q, "%d", "", "")`, apply(b.series(o, where...)), countedApart, i+1)
	}
	if len(c.more) > 0 && b.Metrics.Join != nil { // more is joined to it
		return "(" + text + ")"
	}
	return text
}

// onSide keeps of an expression on such series what belongs to the side among the matchers,
// if there is one and it comes by a join.
func (b *compiler) onSide(expr string, where []string) string {
	i := slices.IndexFunc(where, b.isSide)
	if b.Metrics.Join == nil || i < 0 {
		return expr
	}
	return b.Metrics.Join.Only(expr, where[i])
}

// isSide reports whether a matcher that [match] wrote is on the label of the sides.
func (b *compiler) isSide(matcher string) bool {
	return strings.HasPrefix(matcher, runbook.LabelName(b.Metrics.SideLabel())+"=")
}

// ours writes the selector of a series of ours about the service, in the region that the rules
// are for: a Prometheus may scrape daemons that speak of other regions as well.
func (b *compiler) ours(name string, more ...string) string {
	if b.RulesRegion != "" {
		more = append(more, match("region", b.RulesRegion))
	}
	return selector(name, append(more, match("service", b.Service)))
}

// selector leaves out what is empty, and always has the same order.
func selector(name string, matchers []string) string {
	kept := slices.DeleteFunc(slices.Clone(matchers), func(m string) bool { return m == "" })
	slices.Sort(kept)
	return runbook.Series(name, slices.Compact(kept)...)
}

// pair is the two counters of a compare trigger.
type pair struct{ bad, all counter }

// readTriggers parses the PromQL that stands in triggers, and keeps it as Prometheus
// would write it.
func (b *compiler) readTriggers() error {
	for _, t := range b.Triggers {
		if read := kinds[t.Type].read; read != nil {
			if err := read(b, t); err != nil {
				return fmt.Errorf("trigger %q: %w", t.Name, err)
			}
		}
	}
	return b.readDrift()
}

// counter reads a series selector.
func (b *compiler) counter(text string) (counter, error) {
	found, err := b.parser.ParseMetricSelector(text)
	if err != nil {
		return counter{}, fmt.Errorf("parse selector %q: %w", text, err)
	}
	var c counter
	for _, m := range found {
		if m.Name != labels.MetricName {
			c.matchers = append(c.matchers, m.String())
		} else if m.Type == labels.MatchEqual {
			c.name = m.Value
		}
	}
	if !runbook.IsName(c.name) || reserved(c.name) {
		return counter{}, fmt.Errorf("selector %q names no metric", text)
	}
	return c, nil
}

// readJoin parses the join's matchers, and keeps them as Prometheus would write them.
func (b *compiler) readJoin() error {
	if b.Metrics.Join == nil {
		return nil
	}
	matchers, err := b.matchers(b.Metrics.Join.Selector)
	if err != nil {
		return fmt.Errorf("metrics.join.selector: %w", err)
	}
	if len(b.Metrics.Join.On) == 0 {
		return fmt.Errorf("metrics.join.on names no label")
	}
	rb, j := *b.Runbook, *b.Metrics.Join
	j.Selector, rb.Metrics.Join = strings.Join(matchers, ","), &j
	b.Runbook = &rb
	return nil
}

func (b *compiler) readDrift() error {
	d := b.Metrics.Drift
	if d == nil {
		return nil
	}
	var err error
	if b.drift, err = b.matchers(d.Selector); err != nil {
		return fmt.Errorf("metrics.drift.selector: %w", err)
	}
	return nil
}

// exprCache keeps the questions about the releases in flight, which are the same at every alert
// and every poll: parsing them takes as long as Prometheus takes to answer some. The zero
// value is ready, and safe for several goroutines.
type exprCache struct {
	mu    sync.Mutex
	known map[string]Expr
}

// mostCached bounds what is kept: it is emptied when it is full, since releases come and go.
const mostCached = 300

func (a *exprCache) get(text string) (Expr, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.known[text]
	return e, ok
}

func (a *exprCache) keep(text string, e Expr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= mostCached {
		a.known = map[string]Expr{}
	}
	a.known[text] = e
}

// An Expr is a PromQL expression that has been parsed. Only this package makes one; the
// zero Expr is the empty question and must not be asked.
type Expr struct{ text string }

// ParseExpr parses text as standard PromQL, without experimental functions.
func ParseExpr(text string) (Expr, error) {
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(text); err != nil {
		return Expr{}, fmt.Errorf("parse PromQL %q: %w", text, err)
	}
	return Expr{text}, nil
}

// String returns the expression's text.
func (e Expr) String() string { return e.text }

// IsZero reports whether e is no expression at all.
func (e Expr) IsZero() bool { return e.text == "" }

// Pretty is the expression for people, broken into lines.
func (e Expr) Pretty() string {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(e.text)
	if err != nil {
		return e.text
	}
	return parser.Prettify(tree)
}
