package monitor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

func TestSidesAndRegions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(rb *runbook.Runbook, rel *record.Release)
		series string
		want   string // role of the pod; empty: not counted
	}{
		{"candidate", nil, "requests{version=v2}", "candidate"},
		{"stable", nil, "requests{version=v1}", "stable"},
		{"another version", nil, "requests{version=v3}", ""},
		{"another job", nil, "requests{job=other}", ""},
		{"another name of the version label", func(rb *runbook.Runbook, _ *record.Release) { rb.Metrics.VersionLabel = "service" }, "requests{service=v1}", "stable"},
		{"a label called role", func(rb *runbook.Runbook, _ *record.Release) { rb.Metrics.VersionLabel = "role" }, "requests{role=v2}", "candidate"},
		{"a name with dots", func(rb *runbook.Runbook, _ *record.Release) { rb.Metrics.VersionLabel = "service.version" }, "requests{service.version=v2}", "candidate"},
		{"a version with metacharacters", func(_ *runbook.Runbook, rel *record.Release) { rel.Candidate.Version = "v1.2+a" }, "requests{version=v1.2+a}", "candidate"},
		{"… is no pattern", func(_ *runbook.Runbook, rel *record.Release) { rel.Candidate.Version = "v1.2+a" }, "requests{version=v1x22a}", ""},
		{"track", tracked, "requests{track=canary}", "candidate"},
		{"another track", tracked, "requests{track=shadow}", ""},
		{"region", regional, "requests{zone=eu}", "candidate"},
		{"another region", regional, "requests{zone=us}", ""},
		{"no region", regional, "requests", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rb, rel := ranker(), release
			if c.change != nil {
				c.change(rb, &rel)
			}
			counter := NewCounter(rb, []rules.Measure{requests()}, rel)
			got := ""
			for _, in := range follow(counter, map[string]string{c.series: "5:100 20:110"}, 2) {
				for _, p := range in.Counts[analysis.Requests] {
					got = string(p.Role)
				}
			}
			expect(t, got, c.want)
			if found := selected(t, counter.Selectors(), metric(c.series)); found != (c.want != "") {
				t.Errorf("the selectors match: %v", found)
			}
		})
	}
}

func tracked(rb *runbook.Runbook, _ *record.Release) {
	rb.Metrics.VersionLabel, rb.Metrics.Track = "", &runbook.Track{Label: "track", Stable: "stable", Candidate: "canary"}
}

func regional(rb *runbook.Runbook, _ *record.Release) { rb.Metrics.RegionLabel = "zone" }

// selected reports whether a selector matches, as Prometheus reads it; not two.
func selected(t *testing.T, selectors []string, m model.Metric) bool {
	t.Helper()
	n := 0
	for _, s := range selectors {
		matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(s)
		if err != nil {
			t.Fatal(err)
		}
		if matches(matchers, m) {
			n++
		}
	}
	if n > 1 {
		t.Errorf("%v is matched %d times", m, n)
	}
	return n > 0
}

func TestSelectors(t *testing.T) {
	score := rules.Measure{Name: "distribution/score", Histogram: matchersOf("score_bucket"), Bounds: []float64{0.5}}
	other := rules.Measure{Name: "compare/fallbacks", All: matchersOf("requests", "handler=rank"), Bad: matchersOf("fallbacks", "kind=empty")}
	for _, c := range []struct {
		name     string
		measures []rules.Measure
		want     string
	}{
		{"one for all counters", []rules.Measure{requests(), revenue(), features(false)},
			`{__name__=~"nulls|requests|rows|squares|sums",job="ranker",version=~"v1|v2"}`},
		{"a histogram by its bounds", []rules.Measure{requests(), latency(0.1, 1)},
			`{__name__="requests",job="ranker",version=~"v1|v2"} {__name__="seconds_bucket",job="ranker",version=~"v1|v2",le=~"0[.]10*|1([.]0+)?|[+]?Inf"}`},
		{"histograms with equal bounds", []rules.Measure{requests(), score, latency(0.5)},
			`{__name__="requests",job="ranker",version=~"v1|v2"} {__name__=~"score_bucket|seconds_bucket",job="ranker",version=~"v1|v2",le=~"0[.]50*|[+]?Inf"}`},
		{"two users of one histogram", []rules.Measure{requests(), latency(0.5), latency(0.1, 0.5)},
			`{__name__="requests",job="ranker",version=~"v1|v2"} {__name__="seconds_bucket",job="ranker",version=~"v1|v2",le=~"0[.]10*|0[.]50*|[+]?Inf"}`},
		{"native", []rules.Measure{requests(), nativeLatency()}, `{__name__=~"requests|seconds",job="ranker",version=~"v1|v2"}`},
		{"the request counter is always there", []rules.Measure{latency(0.5)},
			`{__name__="seconds_bucket",job="ranker",version=~"v1|v2",le=~"0[.]50*|[+]?Inf"} {__name__="requests",job="ranker",version=~"v1|v2"}`},
		{"a metric is in one of them", []rules.Measure{requests(), other},
			`{__name__="requests",job="ranker",version=~"v1|v2"} {__name__="fallbacks",job="ranker",kind="empty",version=~"v1|v2"}`},
		{"what two have in common", []rules.Measure{other, {Name: "compare/b", All: matchersOf("requests", "handler=rate"), Bad: matchersOf("fallbacks", "kind=late")}},
			`{__name__=~"fallbacks|requests",job="ranker",version=~"v1|v2"}`},
		{"a pattern for a name", []rules.Measure{requests(), {Name: "compare/b", All: matchersOf("requests"), Bad: matchersOf("x", "__name__=~a.*")[1:]}},
			`{__name__="requests",job="ranker",version=~"v1|v2"} {__name__=~"a.*",job="ranker",version=~"v1|v2"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, strings.Join(NewCounter(ranker(), c.measures, release).Selectors(), " "), c.want)
		})
	}
}

func TestSelectorsAreQuoted(t *testing.T) {
	rb, rel := ranker(), release
	regional(rb, &rel)
	rb.Metrics.VersionLabel, rel.Candidate.Version, rel.Region = "service.version", "v1.2+a", `e"u`
	got := NewCounter(rb, []rules.Measure{requests()}, rel).Selectors()
	expect(t, fmt.Sprint(got), `[{__name__="requests",job="ranker","service.version"=~"v1|v1\\.2\\+a",zone="e\"u"}]`)
	m := metric("requests{service.version=v1.2+a}")
	m["zone"] = `e"u`
	if !selected(t, got, m) {
		t.Error("not matched")
	}
}
