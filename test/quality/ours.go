package quality

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// Ours is the name of the generated rules in the table.
const Ours = "autorollback"

// The ablations: ours without one part.
const (
	withoutEvidence   = "without evidence"
	withoutAny        = "effect only"
	withoutGuard      = "without pod guard"
	withoutDispersion = "without dispersion"
	withoutTrailing   = "without windows"
	withoutEffect     = "without effect"
	fullWindow        = "with a full window"
)

// ablated are all of them, in the order of the table. The last adds something: an alert
// only once the release is as old as the trigger's window.
var ablated = []string{withoutEvidence, withoutAny, withoutGuard, withoutDispersion, withoutTrailing, withoutEffect, fullWindow}

// A bench holds the references of all triggers over one trace, and their verdicts at
// the newest evaluation.
type bench struct {
	shape    Shape
	triggers []runbook.Trigger
	refs     []*rules.Reference
	verdicts []rules.Verdict
	now      time.Duration
	asked    bool
	judged   bool
	age      time.Duration // since the sides were named first
	counts   [4][]rules.PodCount
	parts    [][]rules.PartCount
	paced    []rules.PodCount
}

func newBench(rb *runbook.Runbook, shape Shape, dispersion bool) (*bench, error) {
	b := &bench{shape: shape}
	for _, t := range rb.Triggers {
		r, err := rules.ReferenceOf(rb, t.Name)
		if err != nil {
			return nil, fmt.Errorf("judge by the rules: %w", err)
		}
		r.Dispersion = dispersion
		b.triggers, b.refs = append(b.triggers, t), append(b.refs, r)
	}
	b.verdicts = make([]rules.Verdict, len(b.refs))
	return b, nil
}

// What kinds of counts there are.
const (
	ofRequests = iota // and of errors, KPI, schema, by trigger
	ofLatency
	ofScore
	ofNulls
)

func (b *bench) take(f Frame) {
	if b.asked && b.now == f.Now {
		return
	}
	b.asked, b.now = true, f.Now
	if f.Judged || b.judged {
		b.age += b.shape.Interval
	}
	for i, t := range b.triggers {
		counts := b.count(t.Type, f)
		r := b.refs[i]
		switch {
		case f.Judged:
			r.Weigh(f.Percent/100, f.Steady)
			b.verdicts[i] = r.Observe(counts)
			b.judged = true
		case b.judged:
			r.Skip(counts)
			b.verdicts[i] = rules.Verdict{}
		default:
			r.Warm(counts)
			if !served(f, runbook.Candidate) {
				r.Before(counts)
			}
		}
	}
}

// served reports whether a side's pods were seen to count.
func served(f Frame, role runbook.Role) bool {
	return slices.ContainsFunc(f.Pods, func(g Growth) bool { return g.Role == role })
}

// count gives each pod's growth in the terms of a trigger. The slices are used again.
func (b *bench) count(t runbook.TriggerType, f Frame) []rules.PodCount {
	if t == runbook.CanaryStarved {
		return b.paces(f)
	}
	kind, s := ofRequests, b.shape
	switch t {
	case runbook.LatencyQuantile:
		kind = ofLatency
	case runbook.DistributionShift:
		kind = ofScore
	case runbook.NullSpike:
		kind = ofNulls
	}
	out := b.counts[kind][:0]
	for i, g := range f.Pods {
		c := rules.PodCount{Pod: g.Pod, Role: g.Role}
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
			c.All, c.Bad = g.By[atGood]+g.By[atFailed], g.By[atFailed]
		}
		out = append(out, c)
	}
	b.counts[kind] = out
	return out
}

// paces are requests by the last two scrapes of each pod.
func (b *bench) paces(f Frame) []rules.PodCount {
	out := b.paced[:0]
	for _, p := range f.Paces {
		out = append(out, rules.PodCount{Pod: p.Pod, Role: p.Role, All: p.Requests})
	}
	b.paced = out
	return out
}

func (b *bench) features(pod int, g Growth) []rules.PartCount {
	for len(b.parts) <= pod {
		b.parts = append(b.parts, make([]rules.PartCount, len(b.shape.Features)))
	}
	for k := range b.parts[pod] {
		b.parts[pod][k] = rules.PartCount{All: g.By[b.shape.rows(k)], Bad: g.By[b.shape.nulls(k)]}
	}
	return b.parts[pod]
}

// A reading of the verdicts: with all parts, or without one.
type view struct {
	bench *bench
	fires func(rules.Verdict) bool
	full  bool // not before the release is as old as the trigger's window
}

// Observe implements [Judge].
func (v view) Observe(f Frame) []string {
	v.bench.take(f)
	if !f.Judged {
		return nil
	}
	return v.read()
}

func (v view) read() []string {
	var out []string
	for i, t := range v.bench.triggers {
		if v.full && v.bench.age < t.For.Std() {
			continue
		}
		if v.fires(v.bench.verdicts[i]) {
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
	out := []Named{{Ours, view{bench: full, fires: rules.Verdict.Fires}}}
	if !ablations {
		return out, nil
	}
	raw, err := newBench(rb, shape, false)
	if err != nil {
		return nil, err
	}
	release := full.refs[0].ReleaseBar()
	return append(out,
		Named{withoutEvidence, view{bench: full, fires: func(v rules.Verdict) bool { return v.Gate && v.Guarded }}},
		Named{withoutAny, view{bench: full, fires: func(v rules.Verdict) bool { return v.Gate }}},
		Named{withoutGuard, view{bench: full, fires: func(v rules.Verdict) bool { return v.Gate && v.Proved }}},
		Named{withoutDispersion, view{bench: raw, fires: rules.Verdict.Fires}},
		Named{withoutTrailing, view{bench: full, fires: func(v rules.Verdict) bool { return v.Gate && v.Guarded && v.Evidence[0] > release }}},
		Named{withoutEffect, view{bench: full, fires: func(v rules.Verdict) bool { return v.Proved && v.Guarded }}},
		Named{fullWindow, view{bench: full, fires: rules.Verdict.Fires, full: true}},
	), nil
}

func (b *bench) firing() []string {
	return view{bench: b, fires: rules.Verdict.Fires}.read()
}
