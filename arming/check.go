package arming

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// What keeps triggers from firing, or from being right.
const (
	Series    rules.Kind = "series"         // a declared series does not exist
	Matcher   rules.Kind = "matcher"        // a matcher selects nothing
	Version   rules.Kind = "version"        // the series do not tell the version
	Bounds    rules.Kind = "bounds"         // the histogram has other bounds than the runbook
	Unit      rules.Kind = "unit"           // the level is implausible in the unit that the runbook says
	Doubled   rules.Kind = "doubled"        // a pod counts twice
	Share     rules.Kind = "share"          // more events than there were opportunities
	Vanished  rules.Kind = "vanished"       // series come and go while their pod is scraped
	Rewritten rules.Kind = "rewritten"      // what the daemon exports arrives under other labels
	Unscraped rules.Kind = "unscraped"      // what the daemon exports does not arrive
	Late      rules.Kind = "late"           // rules are evaluated late
	Clock     rules.Kind = "clock"          // the daemon's clock is not that of Prometheus
	External  rules.Kind = "external_label" // Prometheus adds a label of ours to all alerts
	Recovery  rules.Kind = "recovery"       // a recovery check gets no data
)

// A Checker asks one Prometheus. It is safe for concurrent use.
type Checker struct {
	api   promapi.API
	now   func() time.Time
	asked *sync.Map // by service and region: the questions of the last check
}

// New asks through api; now is the daemon's clock.
func New(api promapi.API, now func() time.Time) Checker { return Checker{api, now, &sync.Map{}} }

// most is how long all questions about one release may take.
const most = 10 * time.Second

// parallel is how many of them are asked at the same time.
const parallel = 4

// Release checks everything that concerns one open release, ordered by kind. An error means
// that Prometheus did not answer: nothing is known then.
func (c Checker) Release(ctx context.Context, rb *runbook.Runbook, rel record.Release) ([]rules.Drift, error) {
	l, err := c.look(rb, rel)
	if err != nil {
		return nil, err
	}
	return l.run(ctx, l.loaded, l.series, l.uncounted, l.recoverable, l.arrival, l.lateness, l.clock, l.external)
}

// Runbook checks what can be checked before there is a release, and before its rules are
// loaded: the series, of whatever version.
func (c Checker) Runbook(ctx context.Context, rb *runbook.Runbook, region string) ([]rules.Drift, error) {
	l, err := c.look(rb, record.Release{Service: rb.Service, Region: region})
	if err != nil {
		return nil, err
	}
	return l.run(ctx, l.series, l.recoverable, l.clock, l.external)
}

// Installation checks what concerns no service: the daemon's clock, and labels that Prometheus
// adds to every alert. region is the only one that there is, or empty.
func (c Checker) Installation(ctx context.Context, region string) ([]rules.Drift, error) {
	l := &look{Checker: c, rb: &runbook.Runbook{}, rel: record.Release{Region: region}}
	return l.run(ctx, l.clock, l.external)
}

func (l *look) run(ctx context.Context, checks ...func(context.Context) error) ([]rules.Drift, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := l.askTogether(ctx); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, check := range checks {
		g.Go(func() error { return check(ctx) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	l.asked.Store(l.target(), slices.Sorted(maps.Keys(l.used)))
	slices.SortFunc(l.found, func(a, b rules.Drift) int {
		return strings.Compare(string(a.Kind)+a.Trigger+a.What, string(b.Kind)+b.Trigger+b.What)
	})
	return slices.CompactFunc(l.found, func(a, b rules.Drift) bool { return a == b }), nil
}

// series checks every measure.
func (l *look) series(ctx context.Context) error {
	for _, m := range l.measures {
		if err := l.measure(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// A look is one check of one release under way.
type look struct {
	Checker
	rb       *runbook.Runbook
	rel      record.Release
	ask      rules.Questions
	measures []rules.Measure
	label    string // that tells the sides apart

	mu      sync.Mutex
	found   []rules.Drift
	answers map[string]model.Vector // to what was asked together
	used    map[string]bool         // what was asked for
}

func (c Checker) look(rb *runbook.Runbook, rel record.Release) (*look, error) {
	ask, err := rules.Ask(rb)
	if err != nil {
		return nil, err
	}
	measures, err := rules.Measures(rb)
	return &look{Checker: c, rb: rb, rel: rel, ask: ask, measures: measures, label: rb.Metrics.SideLabel()}, err
}

// find keeps what was found, once for each trigger that it concerns; none: all of them.
func (l *look) find(kind rules.Kind, triggers []string, what, fix string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(triggers) == 0 {
		triggers = []string{""}
	}
	for _, t := range triggers {
		l.found = append(l.found, rules.Drift{Kind: kind, Service: l.rb.Service, Trigger: t, What: what, Fix: fix})
	}
}

// triggers are those that count a measure.
func (l *look) triggers(measure string) []string {
	var out []string
	for _, t := range l.rb.Triggers {
		if analysis.MeasureOf(t) == measure {
			out = append(out, t.Name)
		}
	}
	return out
}

// vector asks an instant query at Prometheus' own now, unless that was asked together with others.
func (l *look) vector(ctx context.Context, query string) (model.Vector, error) {
	l.mu.Lock()
	if l.used == nil {
		l.used = map[string]bool{}
	}
	l.used[query] = true
	v, ok := l.answers[query]
	l.mu.Unlock()
	if ok {
		return v, nil
	}
	return l.query(ctx, query)
}

func (l *look) query(ctx context.Context, query string) (model.Vector, error) {
	value, warnings, err := l.api.Query(ctx, query, time.Time{})
	if err = promapi.Complete(warnings, err); err != nil {
		return nil, fmt.Errorf("check that %s is armed: %w", l.rb.Service, err)
	}
	switch v := value.(type) {
	case model.Vector:
		return v, nil
	case *model.Scalar:
		return model.Vector{{Value: v.Value, Timestamp: v.Timestamp}}, nil
	}
	return nil, fmt.Errorf("the answer is a %s and should be a vector", value.Type())
}

// there reports whether a query has any series.
func (l *look) there(ctx context.Context, query string) (bool, error) {
	v, err := l.vector(ctx, query)
	return len(v) > 0, err
}

// selector writes matchers, and those of the release's region.
func (l *look) selector(matchers []*labels.Matcher, more ...string) string {
	texts := make([]string, 0, len(matchers)+len(more)+1)
	for _, m := range matchers {
		texts = append(texts, m.String())
	}
	if r := l.rb.Metrics.RegionLabel; r != "" {
		texts = append(texts, equal(r, l.rel.Region))
	}
	return "{" + strings.Join(append(texts, more...), ",") + "}"
}

func equal(label, value string) string {
	return (&labels.Matcher{Type: labels.MatchEqual, Name: label, Value: value}).String()
}

// name is the metric that matchers name, or the matchers.
func name(matchers []*labels.Matcher) string {
	for _, m := range matchers {
		if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	texts := make([]string, len(matchers))
	for i, m := range matchers {
		texts[i] = m.String()
	}
	return "{" + strings.Join(texts, ",") + "}"
}
