package arming_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/teststorage"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

var paperNow = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// A line is a series that grows from one moment ago to another, scraped every second.
type line struct {
	metric   string
	perS     float64
	from, to time.Duration
	stale    bool // Prometheus was told that it ended
}

// A paper is a Prometheus of storage and engine alone, at one moment.
type paper struct {
	tb      testing.TB
	lines   []line
	age     time.Duration // of the release
	config  string
	refuses bool       // questions that are joined
	mu      sync.Mutex // of asked: questions are put side by side
	asked   int
	db      *teststorage.TestStorage
	engine  *promql.Engine
}

// paperOf has the pods of [exporter] over the last six minutes, and the daemon.
func paperOf(tb testing.TB, service string) *paper {
	p := &paper{tb: tb, age: time.Hour, db: teststorage.New(tb), engine: promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 50_000_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})}
	add := func(perS float64, format string, of ...any) {
		p.lines = append(p.lines, line{metric: fmt.Sprintf(format, of...), perS: perS, from: 6 * time.Minute})
	}
	for i, pod := range []string{"a", "b", "c", "d", "e"} {
		of := fmt.Sprintf("job=%q,version=\"v%d\",instance=%q", service, 1+i/3, pod)
		add(0, "up{job=%q,instance=%q}", service, pod)
		add(9, "http_requests_total{%s,code=\"200\"}", of)
		add(1, "http_requests_total{%s,code=\"500\"}", of)
		for n, le := range []string{"0.05", "0.1", "0.2", "0.5", "1", "+Inf"} {
			add(float64(min(n+8, 10)), "http_request_duration_seconds_bucket{%s,le=%q}", of, le)
		}
		add(10, "recommendations_total{%s}", of)
		add(1, "orders_total{%s}", of)
	}
	add(1, "autorollback_release_evaluated_timestamp_seconds{service=%q,region=\"default\",release=\"rel-%s\"}", service, service)
	return p
}

// each changes the lines whose metric has this in it; there must be one.
func (p *paper) each(part string, change func(*line)) {
	p.tb.Helper()
	n := 0
	for i := range p.lines {
		if strings.Contains(p.lines[i].metric, part) {
			change(&p.lines[i])
			n++
		}
	}
	if n == 0 {
		p.tb.Fatalf("there is no %s", part)
	}
}

func (p *paper) scrape() {
	slices.SortStableFunc(p.lines, func(a, b line) int { return int(b.from - a.from) })
	app := p.db.Appender(context.Background())
	for _, l := range p.lines {
		metric, err := parser.NewParser(parser.Options{}).ParseMetric(l.metric)
		if err != nil {
			p.tb.Fatal(err)
		}
		put := func(ago time.Duration, v float64) {
			if _, err := app.Append(0, metric, paperNow.Add(-ago).UnixMilli(), v); err != nil {
				p.tb.Fatal(err)
			}
		}
		for ago := l.from; ago >= l.to; ago -= time.Second {
			put(ago, 1+l.perS*(l.from-ago).Seconds())
		}
		if l.stale {
			put(l.to-time.Second, math.Float64frombits(value.StaleNaN))
		}
	}
	if err := app.Commit(); err != nil {
		p.tb.Fatal(err)
	}
}

// Query implements promapi.API.
func (p *paper) Query(ctx context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	if !at.IsZero() {
		p.tb.Errorf("asked for %s, not for Prometheus' own now", at)
	}
	p.mu.Lock()
	p.asked++
	p.mu.Unlock()
	if p.refuses && strings.Contains(query, "label_replace(") {
		return nil, nil, &promapi.Error{Code: http.StatusUnprocessableEntity, Type: promapi.Execution, Msg: "too many samples"}
	}
	q, err := p.engine.NewInstantQuery(ctx, p.db, nil, query, paperNow)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	got, err := q.Exec(ctx).Vector()
	out := model.Vector{}
	for _, s := range got {
		one := &model.Sample{Metric: model.Metric{}, Value: model.SampleValue(s.F), Timestamp: model.Time(s.T)}
		s.Metric.Range(func(l labels.Label) { one.Metric[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
		out = append(out, one)
	}
	return out, nil, err
}

// QueryRange implements promapi.API.
func (p *paper) QueryRange(context.Context, string, promapi.Range) (model.Value, promapi.Warnings, error) {
	return nil, nil, fmt.Errorf("arming asks for moments only")
}

// Config tells the configuration, as a [promapi.Client] does.
func (p *paper) Config(context.Context) (string, error) { return p.config, nil }

// What a real Prometheus cannot be brought to within a test: borders, times of hours, and what is
// no fault. Each is found whether its questions are asked alone, as one, or one by one since
// Prometheus refuses the whole.
func TestFaultsOnPaper(t *testing.T) {
	ends := func(ago time.Duration, stale bool) func(*line) {
		return func(l *line) { l.to, l.stale = ago, stale }
	}
	within := func(from, to time.Duration) func(*line) { return func(l *line) { l.from, l.to = from, to } }
	named := func(old, now string) func(*line) {
		return func(l *line) { l.metric = strings.Replace(l.metric, old, now, 1) }
	}
	grows := func(perS float64) func(*line) { return func(l *line) { l.perS = perS } }
	own, failed := "autorollback_release", func(change func(*line)) func(*paper) {
		return func(p *paper) { p.each(`code="500"`, change) }
	}
	for _, c := range []struct {
		fault
		of     string // what is seen, in the test's name
		change func(*paper)
	}{
		{fault{name: "well"}, "nothing", nil},

		{fault{name: "arrival"}, "a minute before it must have arrived", func(p *paper) { p.each(own, named(own, "other")); p.age = 59 * time.Second }},
		{fault{name: "arrival", want: arming.Unscraped, says: "none of the series that the daemon exports"}, "after it",
			func(p *paper) { p.each(own, named(own, "other")); p.age = 61 * time.Second }},

		{fault{name: "clock", clock: 4 * time.Second}, "a little ahead", nil},
		{fault{name: "clock", clock: 6 * time.Second, want: arming.Clock, says: "clock is 6s off"}, "ahead", nil},
		{fault{name: "clock", clock: -6 * time.Second, want: arming.Clock, says: "clock is -6s off"}, "behind", nil},

		{fault{name: "unit", runbook: []string{"_duration_seconds, kind: classic,", "_took, kind: classic, unit: ms,", "below: 500ms", "below: 2s"},
			want: arming.Unit, triggers: "latency", says: "reads as 150 µs, and the runbook's own limit is 2 s"}, "seconds that are taken for milliseconds",
			func(p *paper) { p.each("http_request_duration", named("_duration_seconds", "_took")) }},
		{fault{name: "unit", runbook: []string{"_duration_seconds, kind: classic,", "_took, kind: classic, unit: ms,"},
			want: arming.Unit, triggers: "latency", says: "can read as 1 ms at most, the greatest bound of its histogram, and the runbook's own limit is 500 ms"},
			"seconds that are taken for milliseconds, near the limit",
			func(p *paper) { p.each("http_request_duration", named("_duration_seconds", "_took")) }},
		{fault{name: "unit", runbook: []string{"below: 500ms", "below: 10s"}}, "a service that is only fast", nil},

		{fault{name: "bounds", runbook: []string{"0.5, 1]", "0.5, 1000000]"}}, "the same number, written otherwise",
			func(p *paper) { p.each("http_request_duration", named(`le="1"`, `le="1e+06"`)) }},
		{fault{name: "bounds", runbook: []string{"0.1, 0.2, 0.5", "0.1, 0.5"}, want: arming.Bounds, triggers: "latency",
			says: "runbook: the runbook leaves out 0.2"}, "one more", nil},
		{fault{name: "bounds", runbook: []string{"0.1, 0.2, 0.5", "0.1, 0.2, 0.3, 0.5"}, want: arming.Bounds, triggers: "latency",
			says: "runbook: it has no bound 0.3"}, "one less", nil},

		{fault{name: "share"}, "as many as there can be", func(p *paper) { p.each("orders_total", grows(10)) }},
		{fault{name: "share", want: arming.Share, triggers: "conversion", says: "counts 110 %"}, "a tenth more",
			func(p *paper) { p.each("orders_total", grows(11)) }},

		{fault{name: "errors"}, "the last one six hours ago", failed(within(6*time.Hour, 6*time.Hour-time.Minute))},
		{fault{name: "errors", want: arming.Matcher, triggers: "errors slo", says: "did not within a day"}, "the last one 26 hours ago",
			failed(within(26*time.Hour, 25*time.Hour))},
		{fault{name: "errors", runbook: []string{`errors: 'code=~"5.."'`, `errors: 'code=~"5.."', errors_appear: true`}}, "none, and they appear with the first",
			failed(named("500", "204"))},

		{fault{name: "vanished", want: arming.Vanished, says: "while a is scraped"}, "a pod's idle series",
			func(p *paper) { p.each(`instance="a",code="200"`, ends(time.Minute, true)) }},
		{fault{name: "vanished", want: arming.Vanished, says: "while a is scraped"}, "all of a pod that is up",
			func(p *paper) { p.each(`instance="a",code=`, ends(time.Minute, true)) }},
		{fault{name: "vanished"}, "a pod", func(p *paper) {
			p.each(`instance="a",code=`, ends(time.Minute, true))
			p.each(`up{job="vanished",instance="a"`, ends(time.Minute, true))
		}},

		{fault{name: "recovery", want: arming.Recovery, says: `"p95 latency" gets no data`}, "a histogram that nobody counts in",
			func(p *paper) { p.each("http_request_duration", ends(time.Minute, false)) }},
		{fault{name: "recovery"}, "a business number, which may come late", func(p *paper) {
			p.each("orders_total", ends(time.Minute, false))
			p.each("recommendations_total", ends(time.Minute, false))
		}},

		{fault{name: "external", want: arming.External, says: `external label region="eu"`}, "another region",
			func(p *paper) { p.config = "global: {external_labels: {region: eu}}" }},
		{fault{name: "external"}, "the release's own region", func(p *paper) { p.config = "global: {external_labels: {region: default, team: ml}}" }},
		{fault{name: "external", want: arming.External, says: `external label service="prod"`}, "a label of ours",
			func(p *paper) { p.config = "global: {external_labels: {service: prod}}" }},
	} {
		t.Run(c.name+"/"+c.of, func(t *testing.T) {
			p := paperOf(t, c.name)
			if c.change != nil {
				c.change(p)
			}
			p.scrape()
			rb, _ := c.compiled(t)
			rel := record.Release{Schema: 1, ID: "rel-" + c.name, Service: c.name, Region: runbook.DefaultRegion, Phase: record.Open, Weight: 20,
				Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, StartedAt: paperNow.Add(c.clock - p.age)}
			checker := arming.New(p, func() time.Time { return paperNow.Add(c.clock) })
			var first []rules.Drift
			var alone int
			for _, how := range []string{"alone", "as one", "refused"} {
				p.asked, p.refuses = 0, how == "refused"
				found, err := checker.Release(t.Context(), rb, rel)
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if problem := c.judge(found); problem != "" {
					t.Errorf("%s: %s: %v", how, problem, found)
				}
				switch how {
				case "alone":
					first, alone = found, p.asked
				case "as one":
					if p.asked != 1 {
						t.Errorf("as one it takes %d queries", p.asked)
					}
				default:
					if p.asked != alone+1 {
						t.Errorf("refused, it takes %d queries, want each of %d and the one that was refused", p.asked, alone)
					}
				}
				if !slices.Equal(found, first) {
					t.Errorf("%s it finds %v, and at first %v", how, found, first)
				}
			}
		})
	}
}
