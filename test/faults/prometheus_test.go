package faults

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	prom "github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A sight is Prometheus as one process sees it: it implements promapi.API and engine.Monitor.
type sight struct{ l *life }

var blindness = []kind{promDown, promSlow, promEmpty, promNaN, promStale, promPartial}

func (s sight) Query(ctx context.Context, query string, at time.Time) (prom.Value, promapi.Warnings, error) {
	l := s.l
	service, parts := l.r.about(query)
	label := "query " + service + " "
	for _, p := range parts {
		label += p.About + " "
	}
	if err := l.awake(ctx, label); err != nil {
		return nil, nil, err
	}
	d := l.r.dice(l.name, label)
	took := 2*time.Millisecond + d.upTo(18*time.Millisecond)
	f, fault := l.r.plan.now(l.r.at(), l.n, blindness...)
	switch {
	case fault && f.Kind == promDown:
		return nil, nil, l.wait(ctx, took, errRefused)
	case fault && f.Kind == promSlow:
		took += d.upTo(30 * time.Second)
	}
	if err := l.wait(ctx, took, nil); err != nil {
		return nil, nil, err
	}
	if err := l.awake(ctx, label); err != nil {
		return nil, nil, err
	}
	if at.IsZero() {
		at = time.Now()
	}
	v := prom.Vector{}
	for _, p := range parts {
		number, there := l.r.answer(service, p.About, at)
		switch {
		case fault && f.Kind == promEmpty:
			there = false
		case fault && f.Kind == promNaN:
			number = math.NaN()
		case fault && f.Kind == promStale: // nothing is in a window, and what is asked without one is old
			number, there = 300, p.About == "age"
		case p.About == "":
			l.r.t.Errorf("asked something unknown: %s", p.Text)
		}
		if there {
			v = append(v, &prom.Sample{Metric: prom.Metric{"autorollback_question": prom.LabelValue(p.Label)}, Value: prom.SampleValue(number), Timestamp: prom.TimeFromUnixNano(at.UnixNano())})
		}
	}
	if strings.Contains(query, "ALERTS") && !(fault && f.Kind == promEmpty) {
		v = l.r.alerts(at)
	}
	if fault && f.Kind == promPartial {
		return v, promapi.Warnings{"a store of samples did not answer"}, nil
	}
	return v, nil, nil
}

func (s sight) QueryRange(ctx context.Context, _ string, _ promapi.Range) (prom.Value, promapi.Warnings, error) {
	return prom.Matrix{}, nil, ctx.Err()
}

func (r *run) alerts(at time.Time) prom.Vector {
	var v prom.Vector
	for _, s := range services {
		if trigger := r.world.trigger[s]; r.world.breaching(s, trigger) {
			v = append(v, &prom.Sample{Metric: prom.Metric{"service": prom.LabelValue(s), "trigger": prom.LabelValue(trigger), "severity": "severe"},
				Value: prom.SampleValue(at.Unix()), Timestamp: prom.TimeFromUnixNano(at.UnixNano())})
		}
	}
	return v
}

// answer is the number to a question, if there is a series.
func (r *run) answer(service, about string, at time.Time) (float64, bool) {
	w := r.world
	if trigger, ok := strings.CutPrefix(about, "breach "); ok {
		return 0.3, w.breaching(service, trigger)
	}
	if _, ok := strings.CutPrefix(about, "effect "); ok {
		return 0.1, true
	}
	_, out := r.plan.now(r.at(), -1, outage)
	switch about {
	case "unhealthy":
		return 1, out
	case "now":
		return w.suffering(service), true
	case "traffic":
		return w.rate(service, 3), true
	}
	v, ok := map[string]float64{"warm candidate": 3, "warm stable": 3, "plan rate": 100, "plan error_rate": 0.005, "plan stable_pods": 3,
		"plan scrapes": 600, "plan p50": 0.05, "plan p95": 0.1, "age": 1, "pods": 3, "rate": 80, "samples": 5000, "before": 0.001}[about]
	return v, ok
}

// significance: whoever saw Prometheus in the last seconds knows what is proved.
func (s sight) Significance(release, trigger string, now time.Time) record.Significance {
	r := s.l.r
	for back := range 3 {
		if _, is := r.plan.now(r.at()-time.Duration(back*4)*time.Second, s.l.n, blindness...); is {
			return record.Significance{At: now, Problem: "the counts of the last interval are missing"}
		}
	}
	service := r.serviceOf(release)
	sig := record.Significance{At: now, Value: 0.1}
	if n := len(r.world.last(service, 4)); n == 4 && r.world.breaching(service, trigger) {
		sig.Value, sig.LogE = 3, 20
	}
	return sig
}

func (s sight) Watch(context.Context, []monitor.Target)     {}
func (s sight) Blunted(string, string, time.Time) string    { return "" }
func (s sight) Harmed(string, runbook.Trigger) record.Onset { return record.Onset{} }
func (s sight) Impact(context.Context, monitor.Target, monitor.Harm, time.Time) (record.Impact, error) {
	return record.Impact{}, errors.New("no counts are kept here")
}
func (s sight) ImpactSoFar(string, monitor.Harm, time.Time) (x record.Impact) { return x }
func (s sight) Proved() <-chan struct{}                                       { return nil }
func (s sight) Curves(string) ([]record.Curve, bool) {
	return nil, false
}

func (s sight) History(context.Context, monitor.Target, time.Time, func(monitor.Step, map[string]analysis.Result)) error {
	return errors.New("no counts are kept here")
}

func (s sight) Record(context.Context, monitor.Target, time.Time, time.Time) ([]byte, []record.Curve, error) {
	return nil, nil, errors.New("no counts are kept here")
}
