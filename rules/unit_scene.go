package rules

import (
	"fmt"
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

	stepAt int     // the step from which the candidate has another weight; 0: none
	weight float64 // that weight, in percent
	third  bool    // a version without a part has a weight as well
	before float64 // dispersion in the hour before the release, of every signal; 0: not known
	silent [2]int  // the first and the last step in which no daemon names the release; 0: none
}

func (s scene) silence(step int) bool {
	return s.silent[0] > 0 && step >= s.silent[0] && step <= s.silent[1]
}

// weighs is the candidate's weight at a step, in percent, and whether it has stood still
// for as long as a trigger of starvation asks.
func (s scene) weighs(step int) (weight float64, steady bool) {
	if s.stepAt == 0 || step < s.stepAt {
		return candidateWeight, true
	}
	return s.weight, step >= s.stepAt+steadyIntervals-1
}

type scenePod struct {
	name  string
	role  runbook.Role
	rate  float64 // opportunities in one interval
	mix   func(step int) []float64
	lost  int  // the first step whose scrape is lost; 0: none
	gap   int  // how many are lost; 0: one
	reset int  // the step at which its counters begin anew
	late  bool // its series begin when it is back
	born  bool // counters of bad ones begin with the first of them
	alone int  // the step whose bad ones a new series counts, so that they are not among all
}

// bridged is how many lost scrapes in a row the rules bridge.
const bridged = 3

// back is the first step that is scraped again.
func (p scenePod) back() int { return p.lost + max(1, p.gap) }

// grown is what each part of the mix counts in a step, or nil if the scrape was lost.
// What was missed is counted with the next.
func (p scenePod) grown(step int) []float64 {
	if p.lost > 0 && step >= p.lost && step < p.back() {
		return nil
	}
	out := make([]float64, 0, 2)
	for i, share := range p.mix(step) {
		v := exact(p.rate * share)
		for missed := p.lost; p.lost > 0 && step == p.back() && missed < step; missed++ {
			v += exact(p.rate * p.mix(missed)[i])
		}
		if step == p.reset {
			v = 0
		}
		out = append(out, v)
	}
	return out
}

// A kind is how a signal counts.
type kind int

const (
	countersKind kind = iota // good and bad ones
	latencyKind              // buckets of the latency histogram
	valuesKind               // buckets of a distribution
	featuresKind             // missing values of two features, and rows
)

func (b *book) kindOf(s signal) kind {
	switch {
	case s.quantile > 0:
		return latencyKind
	case s.parts != nil && s.parts.fixed:
		return valuesKind
	case s.parts != nil:
		return featuresKind
	}
	return countersKind
}

// count is what the rules see of a step: nothing if more scrapes were lost than they
// bridge.
func (p scenePod) count(step int, k kind) PodCount {
	c := PodCount{Pod: p.name, Role: p.role}
	counts := p.grown(step)
	if counts == nil || p.lost > 0 && p.gap > bridged && step == p.back() {
		counts = make([]float64, len(p.mix(step)))
	}
	switch k {
	case latencyKind, valuesKind:
		c.Buckets = counts
	case featuresKind:
		c.Parts = []PartCount{{counts[2], counts[0]}, {counts[2], counts[1]}}
	default:
		c.All, c.Bad = counts[0]+counts[1], counts[1]
		if step == p.alone {
			c.All = counts[0]
		}
	}
	return c
}

// pace is the requests of an interval by a pod's last two scrapes, where both are among
// the newest that the rules look at. seen is false if they are not, and the pod has not
// been away for so many steps that it counts as gone.
func (p scenePod) pace(step, gone int) (c PodCount, seen bool) {
	c = PodCount{Pod: p.name, Role: p.role}
	last := p.scraped(step)
	before := p.scraped(last - 1)
	if last < 0 || step-last >= gone {
		return c, true
	}
	if !p.paced(step) {
		return c, false
	}
	for _, v := range p.grown(last) {
		c.All += v / float64(last-before)
	}
	return c, true
}

// paced reports whether two scrapes are among those that the rules look at.
func (p scenePod) paced(step int) bool {
	before := p.scraped(p.scraped(step) - 1)
	return before >= 0 && before > step-looked
}

// looked is how many intervals the rules look back for a sample.
const looked = 4

// scraped is the newest step up to this one whose scrape was not lost; below 0: none.
func (p scenePod) scraped(step int) int {
	if p.lost > 0 && step >= p.lost && step < p.back() {
		step = p.lost - 1
	}
	if p.late && step == 0 {
		return -1
	}
	return step
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
func crew(role runbook.Role, n int, rate float64, mix func(int) []float64) []scenePod {
	var out []scenePod
	for i := range n {
		out = append(out, scenePod{name: string(role) + "-" + strconv.Itoa(i+1), role: role, rate: rate, mix: mix})
	}
	return out
}

const unitRelease, unitStable, unitCandidate = "r1", "v1", "v2"

// sideLabels tell which side and region a series of the service belongs to.
func (b *book) sideLabels(role runbook.Role, pod string) map[string]string {
	side := map[runbook.Role]string{runbook.Candidate: unitCandidate, runbook.Stable: unitStable}
	if t := b.Metrics.Track; t != nil {
		side = map[runbook.Role]string{runbook.Candidate: t.Candidate, runbook.Stable: t.Stable}
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
		role            runbook.Role
		version, weight string
	}{{runbook.Candidate, unitCandidate, strconv.Itoa(candidateWeight)}, {runbook.Stable, unitStable, strconv.Itoa(100 - candidateWeight)}} {
		is := map[string]string{"service": b.Service, "region": b.theRegion(), "version": side.version, "release": release}
		out = append(out, unitSeries{labelled("autorollback_weight", is), fmt.Sprintf("%s+0x%d", side.weight, steps)})
		is["role"] = string(side.role)
		out = append(out, unitSeries{labelled("autorollback_release_role", is), fmt.Sprintf("1+0x%d", steps)})
	}
	return out
}

// releaseSeries are what the daemon exports in a scene.
func (b *book) releaseSeries(s scene) []unitSeries {
	out := b.roleSeries(unitRelease, s.steps)
	if s.third {
		is := map[string]string{"service": b.Service, "region": b.theRegion(), "version": "v0", "release": unitRelease}
		out = append(out, unitSeries{labelled("autorollback_weight", is), fmt.Sprintf("50+0x%d", s.steps)})
	}
	if s.before > 0 {
		for _, sig := range b.signals() {
			is := map[string]string{"service": b.Service, "region": b.theRegion(), "release": unitRelease, "signal": sig.name}
			out = append(out, unitSeries{labelled("autorollback_release_dispersion", is), fmt.Sprintf("%s+0x%d", num(s.before), s.steps)})
		}
	}
	if s.silent[0] > 0 {
		for i := 1; i < 4; i += 2 {
			out[i].values = fmt.Sprintf("1+0x%d stale _x%d 1+0x%d", s.silent[0]-1, s.silent[1]-s.silent[0], s.steps-s.silent[1]-1)
		}
	}
	if s.stepAt == 0 {
		return out
	}
	for i, w := range map[int][2]float64{0: {candidateWeight, s.weight}, 2: {100 - candidateWeight, 100 - s.weight}} {
		out[i].values = fmt.Sprintf("%s+0x%d %s+0x%d", num(w[0]), s.stepAt-1, num(w[1]), s.steps-s.stepAt)
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
			t := tally{reset: p.reset, late: p.late, born: p.born}
			for _, g := range grown {
				if g == nil {
					t.grown = append(t.grown, math.NaN())
					continue
				}
				sum := 0.0
				for _, i := range parts {
					sum += g[i]
				}
				t.grown = append(t.grown, exact(sum))
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
