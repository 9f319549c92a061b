package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/autorollback/autorollback/runbook"
)

// A scene is what the pods of a release do, step by step; step 1 ends one interval
// after time 0. A mix is the shares of a pod's opportunities: good and bad ones, or
// those of each bucket of a histogram.
type scene struct {
	name  string
	steps int
	pods  []scenePod
}

type scenePod struct {
	name  string
	role  Role
	rate  float64 // opportunities in one interval
	mix   func(step int) []float64
	lost  int // the step whose scrape is lost; 0: none
	reset int // the step at which its counters begin anew
}

// grown is what each part of the mix counts in a step, or nil if the scrape was lost.
// What was missed is counted with the next.
func (p scenePod) grown(step int) []float64 {
	if step == p.lost {
		return nil
	}
	out := make([]float64, 0, 2)
	for i, share := range p.mix(step) {
		v := round4(p.rate * share)
		if p.lost > 0 && step == p.lost+1 {
			v += round4(p.rate * p.mix(p.lost)[i])
		}
		if step == p.reset {
			v = 0
		}
		out = append(out, v)
	}
	return out
}

func (p scenePod) count(step int, histogram bool) PodCount {
	c := PodCount{Pod: p.name, Role: p.role}
	counts := p.grown(step)
	switch {
	case counts == nil && histogram:
		c.Buckets = make([]float64, len(p.mix(step)))
	case counts == nil:
	case histogram:
		c.Buckets = counts
	default:
		c.All, c.Bad = counts[0]+counts[1], counts[1]
	}
	return c
}

// judged is what the reference holds at the end of each step; index 0 is step 1.
func (b *book) judged(t runbook.Trigger, s scene) ([]Verdict, error) {
	r, err := NewReference(b.Runbook, t.Name)
	if err != nil {
		return nil, err
	}
	out := make([]Verdict, 0, s.steps)
	for step := 1; step <= s.steps; step++ {
		counts := make([]PodCount, 0, len(s.pods))
		for _, p := range s.pods {
			counts = append(counts, p.count(step, t.Type == runbook.LatencyQuantile))
		}
		out = append(out, r.Observe(counts))
	}
	return out, nil
}

// firing is the first step at which it fires, from 1; 0: never.
func firing(verdicts []Verdict) int {
	return 1 + slices.IndexFunc(verdicts, Verdict.Fires)
}

// play is the mix before a step, and from it on until another.
func play(before, during []float64, from, until int) func(int) []float64 {
	return func(step int) []float64 {
		if step >= from && step < until {
			return during
		}
		return before
	}
}

func always(mix []float64) func(int) []float64 { return func(int) []float64 { return mix } }

// crew is n pods of a side, all alike.
func crew(role Role, n int, rate float64, mix func(int) []float64) []scenePod {
	var out []scenePod
	for i := range n {
		out = append(out, scenePod{name: string(role) + "-" + strconv.Itoa(i+1), role: role, rate: rate, mix: mix})
	}
	return out
}

const unitRelease, unitStable, unitCandidate = "r1", "v1", "v2"

// sideLabels tell which side and region a series of the service belongs to.
func (b *book) sideLabels(role Role, pod string) map[string]string {
	side := map[Role]string{Candidate: unitCandidate, Stable: unitStable}
	if t := b.Metrics.Track; t != nil {
		side = map[Role]string{Candidate: t.Candidate, Stable: t.Stable}
	}
	out := map[string]string{sideLabel(b.Runbook): side[role], b.Metrics.PodLabel: pod}
	if l := b.Metrics.RegionLabel; l != "" {
		out[l] = b.theRegion()
	}
	return out
}

// roleSeries are what the daemon exports about an open release.
func (b *book) roleSeries(release string, steps int) []unitSeries {
	var out []unitSeries
	for _, side := range []struct {
		role            Role
		version, weight string
	}{{Candidate, unitCandidate, "25"}, {Stable, unitStable, "75"}} {
		is := map[string]string{"service": b.Service, "region": b.theRegion(), "version": side.version, "release": release}
		out = append(out, unitSeries{labelled("autorollback_weight", is), fmt.Sprintf("%s+0x%d", side.weight, steps)})
		is["role"] = string(side.role)
		out = append(out, unitSeries{labelled("autorollback_release_role", is), fmt.Sprintf("1+0x%d", steps)})
	}
	return out
}

// series are the scene's counters for a signal.
func (b *book) sceneSeries(s signal, sc scene) ([]unitSeries, error) {
	var out []unitSeries
	for _, p := range sc.pods {
		grown := make([][]float64, sc.steps)
		for i := range grown {
			grown[i] = p.grown(i + 1)
		}
		part := func(parts ...int) tally {
			t := tally{reset: p.reset}
			for _, g := range grown {
				if g == nil {
					t.grown = append(t.grown, math.NaN())
					continue
				}
				sum := 0.0
				for _, i := range parts {
					sum += g[i]
				}
				t.grown = append(t.grown, round4(sum))
			}
			return t
		}
		some, err := b.podSeries(s, b.sideLabels(p.role, p.name), part)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

func (b *book) podSeries(s signal, pod map[string]string, part func(...int) tally) ([]unitSeries, error) {
	var out []unitSeries
	add := func(name string, of map[string]string, t tally) {
		maps.Copy(of, pod)
		out = append(out, unitSeries{labelled(name, of), t.text()})
	}
	if s.quantile > 0 {
		var below []int
		for i := 0; i <= len(b.Metrics.Latency.Buckets); i++ {
			name, of, err := b.invent(b.histogram())
			if err != nil {
				return nil, err
			}
			of["le"] = "+Inf"
			if i < len(b.Metrics.Latency.Buckets) {
				of["le"] = num(b.Metrics.Latency.Buckets[i])
			}
			below = append(below, i)
			add(name, of, part(below...))
		}
		return out, nil
	}
	allName, allLabels, err := b.invent(s.all.series)
	if err != nil {
		return nil, err
	}
	badName, badLabels, err := b.invent(s.bad.series)
	if err != nil {
		return nil, err
	}
	if allName != badName {
		add(allName, allLabels, part(0, 1))
		add(badName, badLabels, part(1))
		return out, nil
	}
	goodLabels, err := b.otherwise(s.all.series, s.bad.series)
	if err != nil {
		return nil, err
	}
	add(allName, goodLabels, part(0))
	add(badName, badLabels, part(1))
	return out, nil
}
