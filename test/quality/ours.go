package quality

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// Ours is the name of [analysis] in the table.
const Ours = "autorollback"

// The ablations: ours without one part.
const (
	withoutProof      = "without proof"
	withoutAny        = "effect only"
	withoutGuard      = "without pod guard"
	withoutDispersion = "without dispersion"
	withoutTrailing   = "without windows"
	withoutEffect     = "without effect"
	fullWindow        = "with a full window"
)

// ablated are all of them, in the order of the table. The last adds something: an alert
// only once the release is as old as the trigger's window.
var ablated = []string{withoutProof, withoutAny, withoutGuard, withoutDispersion, withoutTrailing, withoutEffect, fullWindow}

// A bench holds the tests of all triggers over one trace, and their results at the newest
// evaluation.
type bench struct {
	shape    Shape
	triggers []runbook.Trigger
	tests    []*analysis.Test
	results  []analysis.Result
	now      time.Duration
	asked    bool
	judged   bool
	age      time.Duration       // since the sides were named first
	counts   []analysis.PodCount // of the trigger at hand
	parts    [][]analysis.PartCount
}

func newBench(rb *runbook.Runbook, shape Shape, dispersed bool) (*bench, error) {
	b := &bench{shape: shape, results: make([]analysis.Result, len(rb.Triggers))}
	for _, t := range rb.Triggers {
		test, err := analysis.New(rb, t.Name)
		if err != nil {
			return nil, fmt.Errorf("judge by the analysis: %w", err)
		}
		test.Dispersed = dispersed
		b.triggers, b.tests = append(b.triggers, t), append(b.tests, test)
	}
	return b, nil
}

func (b *bench) take(f Frame) {
	if b.asked && b.now == f.Now {
		return
	}
	b.asked, b.now = true, f.Now
	b.judged = b.judged || f.Judged
	if b.judged {
		b.age += b.shape.Interval
	}
	for i, t := range b.triggers {
		b.results[i] = b.observe(b.tests[i], b.count(t.Type, f), f)
	}
}

// observe takes a test through one interval. While the daemon is silent nothing can fire;
// it makes up for what it missed from Prometheus' history, and so the interval counts.
func (b *bench) observe(t *analysis.Test, counts []analysis.PodCount, f Frame) analysis.Result {
	if b.judged {
		t.Weigh(f.Percent/100, f.Steady)
		if r := t.Observe(counts); f.Judged {
			return r
		}
		return analysis.Result{}
	}
	t.Warm(counts)
	if !served(f, runbook.Candidate) {
		t.Before(counts)
	}
	return analysis.Result{}
}

// served reports whether a side's pods were seen to count.
func served(f Frame, role runbook.Role) bool {
	return slices.ContainsFunc(f.Pods, func(g Growth) bool { return g.Role == role })
}

// count gives each pod's growth in the terms of a trigger, for as long as no other trigger's
// is asked for; of traffic, requests by the last two scrapes of each pod.
func (b *bench) count(t runbook.TriggerType, f Frame) []analysis.PodCount {
	s := b.shape
	b.counts = b.counts[:0]
	if t == runbook.CanaryStarved {
		for _, p := range f.Paces {
			b.counts = append(b.counts, analysis.PodCount{Pod: p.Pod, Role: p.Role, All: p.Requests})
		}
		return b.counts
	}
	for i, g := range f.Pods {
		c := analysis.PodCount{Pod: g.Pod, Role: g.Role}
		switch t {
		case runbook.LatencyQuantile:
			c.Buckets = g.By[s.latency():s.score()]
		case runbook.DistributionShift:
			c.Buckets = g.By[s.score():]
		case runbook.NullSpike:
			c.Parts = b.features(i, g)
		case runbook.KPIDrop:
			c.All, c.Bad = g.By[atTrials], g.By[atSuccesses]
		case runbook.SchemaMismatch:
			c.All, c.Bad = g.By[atChecks], g.By[atMismatches]
		default:
			c.All, c.Bad = requests(g.By), g.By[atFailed]
		}
		b.counts = append(b.counts, c)
	}
	return b.counts
}

func (b *bench) features(pod int, g Growth) []analysis.PartCount {
	for len(b.parts) <= pod {
		b.parts = append(b.parts, make([]analysis.PartCount, len(b.shape.Features)))
	}
	for k := range b.parts[pod] {
		b.parts[pod][k] = analysis.PartCount{All: g.By[b.shape.rows(k)], Bad: g.By[b.shape.nulls(k)]}
	}
	return b.parts[pod]
}

// A reading of the results: with all parts, or without one.
type view struct {
	bench *bench
	fires func(analysis.Result) bool
	full  bool // not before the release is as old as the trigger's window
}

// Observe implements [Judge].
func (v view) Observe(f Frame) []string {
	v.bench.take(f)
	if !f.Judged {
		return nil
	}
	var out []string
	for i, t := range v.bench.triggers {
		if v.full && v.bench.age < t.For.Std() {
			continue
		}
		if v.fires(v.bench.results[i]) {
			out = append(out, t.Name)
		}
	}
	return out
}

func ours(rb *runbook.Runbook, shape Shape, ablations bool) ([]Named, error) {
	full, err := newBench(rb, shape, true)
	if err != nil {
		return nil, err
	}
	out := []Named{{Ours, view{bench: full, fires: analysis.Result.Fires}}}
	if !ablations {
		return out, nil
	}
	raw, err := newBench(rb, shape, false)
	if err != nil {
		return nil, err
	}
	release, _ := analysis.Bars(analysis.Proved(rb), shape.Interval)
	return append(out,
		Named{withoutProof, view{bench: full, fires: func(r analysis.Result) bool { return r.Gate && r.Widespread }}},
		Named{withoutAny, view{bench: full, fires: func(r analysis.Result) bool { return r.Gate }}},
		Named{withoutGuard, view{bench: full, fires: func(r analysis.Result) bool { return r.Gate && r.Proved }}},
		Named{withoutDispersion, view{bench: raw, fires: analysis.Result.Fires}},
		Named{withoutTrailing, view{bench: full, fires: func(r analysis.Result) bool { return r.Gate && r.Widespread && r.LogE[0] > release }}},
		Named{withoutEffect, view{bench: full, fires: func(r analysis.Result) bool { return r.Proved && r.Widespread }}},
		Named{fullWindow, view{bench: full, fires: analysis.Result.Fires, full: true}},
	), nil
}
