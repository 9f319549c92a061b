package promtest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	releaseID = "r1"
	// candidateWeight is the candidate's share of the traffic in scenarios, in percent.
	candidateWeight = 20
	// counterStart is what counters hold at first: far from 0, where rate and increase would
	// extrapolate less.
	counterStart = 1e6
	// plenty is how many opportunities a side has in an interval of a scene.
	plenty = 1e6
	// mostSteps is how long a scene may be.
	mostSteps = 3000
)

// A mix is what one side counts in one interval: good and bad ones, the buckets of a
// histogram, or the missing values of two features and the rows.
type mix []float64

// times is the same with more or less of everything.
func (m mix) times(by float64) mix {
	out := slices.Clone(m)
	for i := range out {
		out[i] *= by
	}
	return out
}

// A timeline changes from one mix to another after a step.
type timeline struct {
	before, after mix
	step          int
}

func (p timeline) at(step, i int) float64 {
	if step <= p.step {
		return p.before[i]
	}
	return p.after[i]
}

// counted is a counter of a sum of parts of the mix, in promtool's notation: two runs of
// equal growth, rounded to what adds up without error.
func (p timeline) counted(steps int, parts ...int) string {
	grown := func(step int) (sum float64) {
		for _, i := range parts {
			sum += p.at(step, i)
		}
		return math.Round(sum*(1<<20)) / (1 << 20)
	}
	first, last := grown(1), grown(p.step+1)
	value := counterStart + first*float64(p.step)
	return fmt.Sprintf("%s+%sx%d %s+%sx%d", plain(counterStart), plain(first), p.step, plain(value+last), plain(last), steps-p.step-1)
}

func (b *compiled) theRegion() string {
	if len(b.Regions) > 0 {
		return b.Regions[0]
	}
	return runbook.DefaultRegion
}

// sides are the values that tell the sides apart.
func (b *compiled) sides() map[runbook.Role]string {
	if t := b.Metrics.Track; t != nil {
		return map[runbook.Role]string{runbook.Candidate: t.Candidate, runbook.Stable: t.Stable}
	}
	return b.versions()
}

// sideOf are the labels that tell which side and region a series of the service belongs to.
func (b *compiled) sideOf(role runbook.Role) map[string]string {
	side := b.sides()
	out := map[string]string{b.Metrics.PodLabel: string(role) + "-1", b.Metrics.SideLabel(): side[role]}
	if b.Metrics.Join != nil {
		delete(out, b.Metrics.SideLabel())
		maps.Copy(out, b.joinedOn(role))
	}
	if l := b.Metrics.RegionLabel; l != "" {
		out[l] = b.theRegion()
	}
	return out
}

// joinedOn are the labels by which a pod of a side is joined: what the matchers of either
// metric fix, and a value of its own.
func (b *compiled) joinedOn(role runbook.Role) map[string]string {
	out := map[string]string{}
	for _, l := range b.Metrics.Join.On {
		out[l] = string(role) + "-1"
		for _, matchers := range []string{b.Metrics.Selector, b.Metrics.Join.Selector} {
			if _, fixed, err := b.invent("{" + matchers + "}"); err == nil && fixed[l] != "" {
				out[l] = fixed[l]
			}
		}
	}
	return out
}

// joined are the series that tell which side a pod is on, if another metric does.
func (b *compiled) joined(steps int) []series {
	j := b.Metrics.Join
	if j == nil {
		return nil
	}
	var out []series
	for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		_, of, _ := b.invent("{" + j.Selector + "}") // it has been compiled
		if of == nil {
			of = map[string]string{}
		}
		maps.Copy(of, b.joinedOn(role))
		of[j.Label] = b.sides()[role]
		out = append(out, series{labelled(j.Metric, of), fmt.Sprintf("1+0x%d", steps)})
	}
	return out
}

// exported is what a daemon says of the release until it is over.
type exported struct {
	release string
	steps   int // the last step of the scene
	over    int // the first step at which the release is over; 0: never
	weights [2]float64
	moved   int // the step at which the weight had become what it is; 0: it always was
}

func (b *compiled) open(steps, over int) exported {
	return exported{release: releaseID, steps: steps, over: over, weights: [2]float64{candidateWeight, 100 - candidateWeight}}
}

func (e exported) held(v float64) string {
	if e.over > 0 {
		return fmt.Sprintf("%s+0x%d stale", num(v), e.over-1)
	}
	return fmt.Sprintf("%s+0x%d", num(v), e.steps)
}

// roles are the roles and weights that are exported.
func (b *compiled) roles(e exported) []series {
	out := b.joined(e.steps)
	for i, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		is := map[string]string{"service": b.Service, "region": b.theRegion(), "version": b.versions()[role], "release": e.release}
		weight := e.held(e.weights[i])
		if e.moved > 0 {
			weight = fmt.Sprintf("50+0x%d %s+0x%d", e.moved-1, num(e.weights[i]), e.steps-e.moved)
		}
		out = append(out, series{labelled(rules.WeightSeries, is), weight})
		is["role"] = string(role)
		out = append(out, series{labelled(rules.RoleSeries, is), e.held(1)})
	}
	return out
}

// significance is what is exported of a trigger.
func (b *compiled) significance(e exported, trigger string, v float64) series {
	is := map[string]string{"service": b.Service, "region": b.theRegion(), "release": e.release, "trigger": trigger}
	return series{labelled(rules.SignificanceSeries, is), e.held(v)}
}

// twoCounters are the series of a mix of good and bad ones: one counter of each, or of the
// bad ones and of all.
func (b *compiled) twoCounters(bad, all string, of map[string]string, p timeline, steps int) ([]series, error) {
	badName, badLabels, err := b.invent(bad)
	if err != nil {
		return nil, err
	}
	allName, allLabels, err := b.invent(all)
	if err != nil {
		return nil, err
	}
	parts := []int{0, 1}
	if allName == badName {
		if allLabels, err = b.otherwise(all, bad); err != nil {
			return nil, err
		}
		parts = []int{0}
	}
	maps.Copy(badLabels, of)
	maps.Copy(allLabels, of)
	return []series{{labelled(badName, badLabels), p.counted(steps, 1)}, {labelled(allName, allLabels), p.counted(steps, parts...)}}, nil
}

// apart are two counters of which none counts what the other does: the second what the mix
// has first.
func (b *compiled) apart(second, first runbook.Selection, of map[string]string, p timeline, steps int) ([]series, error) {
	var out []series
	for part, s := range []runbook.Selection{first, second} {
		name, is, err := b.invent(b.Metrics.Select(s))
		if err != nil {
			return nil, err
		}
		maps.Copy(is, of)
		out = append(out, series{labelled(name, is), p.counted(steps, part)})
	}
	return out, nil
}

// buckets are the series of a classic histogram.
func (b *compiled) buckets(s runbook.Selection, bounds []float64, of map[string]string, p timeline, steps int) ([]series, error) {
	name, is, err := b.invent(b.Metrics.Select(s))
	if err != nil {
		return nil, err
	}
	maps.Copy(is, of)
	var out []series
	var upTo []int
	for i := range len(bounds) + 1 {
		upTo = append(upTo, i)
		is["le"] = "+Inf"
		if i < len(bounds) {
			is["le"] = exact(bounds[i])
		}
		out = append(out, series{labelled(name, is), p.counted(steps, upTo...)})
	}
	return out, nil
}

// features are missing values of two features, and rows.
func (b *compiled) features(of map[string]string, p timeline, steps int) ([]series, error) {
	f := b.Metrics.Features
	var out []series
	put := func(s runbook.Selection, feature string, part int) error {
		name, is, err := b.invent(b.Metrics.Select(s))
		maps.Copy(is, of)
		if feature != "" {
			is[f.Label] = feature
		}
		out = append(out, series{labelled(name, is), p.counted(steps, part)})
		return err
	}
	for i, feature := range []string{"age", "city"} {
		if err := put(f.NullSeries(), feature, i); err != nil {
			return nil, err
		}
		if !f.SharedRows {
			if err := put(f.RowSeries(), feature, 2); err != nil {
				return nil, err
			}
		}
	}
	if f.SharedRows {
		return out, put(f.RowSeries(), "", 2)
	}
	return out, nil
}

// drifts are one drift score of a side.
func (b *compiled) drifts(role runbook.Role, p timeline, steps int) ([]series, error) {
	d := b.Metrics.Drift
	var out []series
	for _, gauge := range []series{
		{d.Score, fmt.Sprintf("%s+0x%d %s+0x%d", plain(p.before[0]), p.step, plain(p.after[0]), steps-p.step-1)},
		{d.Threshold, fmt.Sprintf("%s+0x%d", plain(p.before[1]), steps)},
		{d.LastRun, fmt.Sprintf("0+%sx%d", num(b.Metrics.Step().Std().Seconds()), steps)},
	} {
		name, is, err := b.invent(runbook.Series(gauge.name, d.Selector))
		if err != nil {
			return nil, err
		}
		label, asSeries := b.Metrics.DriftLabel()
		is[label] = b.versions()[role]
		if asSeries {
			is[label] = b.sides()[role]
		}
		out = append(out, series{labelled(name, is), gauge.values})
	}
	return out, nil
}

// merged adds the series that are not there yet.
func merged(all, more []series) []series {
	for _, s := range more {
		if !slices.ContainsFunc(all, func(o series) bool { return o.name == s.name }) {
			all = append(all, s)
		}
	}
	return all
}

// silent asserts that an alert does not fire at any fourth evaluation, which is as long
// as it would keep firing, nor at the last.
func silent(alert string, steps int) []assertion {
	var out []assertion
	for at := 4; at < steps; at += 4 {
		out = append(out, assertion{step: at, alert: alert})
	}
	return append(out, assertion{step: steps, alert: alert})
}
