package engine

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	prom "github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// Facts are a Prometheus on paper that knows the questions which the runbook's rules
// give for any release, and answers them from what it is told.
type facts struct {
	tb    testing.TB
	table map[string]string // question, of anyRelease → what it is about

	mu       sync.Mutex
	down     bool
	mute     bool            // all but which alerts fire is not answered
	breaking map[string]bool // triggers that are true
	silent   map[string]bool // triggers without data
	asked    map[string]int  // how often, by what it is about
	traffic  float64         // of the candidate
	errors   float64         // what users see
	warm     float64         // the candidate's pods that are ready
	stable   float64         // the stable ones
	firing   []string        // alerts
	planned  float64         // requests per second of the last hour
}

func factsOf(tb testing.TB, rb *runbook.Runbook) *facts {
	tb.Helper()
	ask, err := rules.Ask(rb)
	if err != nil {
		tb.Fatal(err)
	}
	rel := record.Release{ID: anyRelease, Service: "ranker", Region: runbook.DefaultRegion, Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
	table := map[string]string{}
	add := func(about string, e rules.Expr, err error) {
		if err != nil {
			tb.Fatal(err)
		}
		table[plain(e.String())] = about
	}
	for _, t := range rb.Triggers {
		breach, err := ask.Gate(t.Name, rel)
		add("breach "+t.Name, breach, err)
		effect, err := ask.Effect(t.Name, rel)
		add("effect "+t.Name, effect, err)
	}
	for _, r := range ask.Recovery(rel) {
		add("before", r.Before, nil)
		add("samples", r.Samples, nil)
		add("now", r.Now, nil)
	}
	for _, weight := range []runbook.Weight{0, 20, 100} { // none, some, all: which sides should have traffic
		whose := rel
		whose.Weight = weight
		add("age", ask.Age(whose), nil)
	}
	add("age", ask.Age(record.Release{Region: rel.Region, Stable: rel.Stable, Candidate: rel.Candidate}), nil)
	add("pods", ask.Pods(rel, runbook.Stable), nil)
	add("pods", ask.Pods(rel, runbook.Candidate), nil)
	add("warm candidate", ask.Warm(rel, runbook.Candidate), nil)
	for _, q := range ask.Traffic() {
		add("plan "+q.Name, q.Expr, nil)
	}
	add("warm stable", ask.Warm(rel, runbook.Stable), nil) // the same question as for its pods
	add("sick", ask.StableUnhealthy(rel), nil)
	add("rate", ask.Rate(rel, runbook.Stable), nil)
	for _, q := range []rules.Questions{ask, ask.Over(3 * ask.Interval()), ask.Over(6 * ask.Interval())} {
		add("traffic", q.Rate(rel, runbook.Candidate), nil)
	}
	return &facts{tb: tb, table: table, breaking: map[string]bool{}, silent: map[string]bool{}, asked: map[string]int{}, traffic: 20, errors: 0.001, warm: 3, stable: 3, planned: 100}
}

func (f *facts) set(change func(*facts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

const anyRelease = "rel-any"

var (
	joined  = regexp.MustCompile(`(?s)label_replace\(\n(.*?)\n, "autorollback_question", "(\d+)", "", ""\)`)
	release = regexp.MustCompile(`rel-[0-9a-f]{32}`)
	moment  = regexp.MustCompile(`@ -?[0-9.]+`)
)

// plain is a question of any release, at any time, however it is laid out.
func plain(question string) string {
	question = moment.ReplaceAllString(release.ReplaceAllString(question, anyRelease), "@ began")
	return strings.Join(strings.Fields(question), "")
}

// Query implements promapi.API.
func (f *facts) Query(ctx context.Context, query string, at time.Time) (prom.Value, promapi.Warnings, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return nil, nil, errors.New("connection refused")
	}
	if at.IsZero() {
		at = time.Now()
	}
	if strings.Contains(query, "ALERTS") {
		return f.alerts(at), nil, nil
	}
	if f.mute {
		return nil, nil, errors.New("too many queries")
	}
	parts := joined.FindAllStringSubmatch(query, -1)
	if parts == nil {
		parts = [][]string{{"", query, ""}}
	}
	vector := prom.Vector{}
	for _, part := range parts {
		if v, there := f.answer(plain(part[1])); there {
			vector = append(vector, &prom.Sample{Metric: prom.Metric{"autorollback_question": prom.LabelValue(part[2])},
				Value: prom.SampleValue(v), Timestamp: prom.TimeFromUnixNano(at.UnixNano())})
		}
	}
	return vector, nil, nil
}

// QueryRange implements promapi.API.
func (f *facts) QueryRange(ctx context.Context, _ string, _ promapi.Range) (prom.Value, promapi.Warnings, error) {
	return prom.Matrix{}, nil, ctx.Err()
}

func (f *facts) alerts(at time.Time) prom.Vector {
	var v prom.Vector
	for _, trigger := range f.firing {
		v = append(v, &prom.Sample{Metric: prom.Metric{"service": "ranker", "trigger": prom.LabelValue(trigger), "severity": "severe"},
			Value: prom.SampleValue(at.Unix()), Timestamp: prom.TimeFromUnixNano(at.UnixNano())})
	}
	return v
}

// answer is the number to a question, if there is a series.
func (f *facts) answer(question string) (float64, bool) {
	about, known := f.table[question]
	f.asked[about]++
	if trigger, ok := strings.CutPrefix(about, "effect "); ok {
		return 0.1, !f.silent[trigger]
	}
	if trigger, ok := strings.CutPrefix(about, "breach "); ok {
		return 0.3, f.breaking[trigger]
	}
	if !known {
		f.tb.Errorf("asked something unknown: %s", question)
	}
	v, ok := map[string]float64{"warm candidate": f.warm, "warm stable": f.stable, "plan rate": f.planned, "plan error_rate": 0.005, "plan stable_pods": 3, "plan scrapes": 600, "plan p50": 0.05, "plan p95": 0.1,
		"age": 1, "pods": 3, "rate": 80, "traffic": f.traffic,
		"samples": 5000, "before": 0.001, "now": f.errors}[about]
	return v, ok
}
