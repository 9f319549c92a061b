package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	prom "github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// Facts are a Prometheus on paper that knows the questions which the runbook's rules
// give for any release, and answers them from what it is told.
type facts struct {
	tb    testing.TB
	table fixture.Questions

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
	return &facts{tb: tb, table: fixture.QuestionsOf(tb, rb), breaking: map[string]bool{}, silent: map[string]bool{}, asked: map[string]int{}, traffic: 20, errors: 0.001, warm: 3, stable: 3, planned: 100}
}

func (f *facts) set(change func(*facts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
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
	vector := prom.Vector{}
	for _, part := range f.table.Read(query) {
		if v, there := f.answer(part); there {
			vector = append(vector, &prom.Sample{Metric: prom.Metric{"autorollback_question": prom.LabelValue(part.Label)},
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
func (f *facts) answer(part fixture.Part) (float64, bool) {
	about := part.About
	f.asked[about]++
	if trigger, ok := strings.CutPrefix(about, "effect "); ok {
		return 0.1, !f.silent[trigger]
	}
	if trigger, ok := strings.CutPrefix(about, "breach "); ok {
		return 0.3, f.breaking[trigger]
	}
	if about == "" {
		f.tb.Errorf("asked something unknown: %s", part.Text)
	}
	v, ok := map[string]float64{"warm candidate": f.warm, "warm stable": f.stable, "plan rate": f.planned, "plan error_rate": 0.005, "plan stable_pods": 3, "plan scrapes": 600, "plan p50": 0.05, "plan p95": 0.1,
		"age": 1, "pods": 3, "rate": 80, "traffic": f.traffic,
		"samples": 5000, "before": 0.001, "now": f.errors}[about]
	return v, ok
}
