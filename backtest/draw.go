package backtest

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/runbook"
)

const (
	// poser is the version that stable pods pose as.
	poser = "autorollback-aa-candidate"
	// leastSide is how many pods each side must have: with one, the pod guard says nothing.
	leastSide = 2
)

// A cast is which pods of which version there are in a region.
type cast struct {
	region, version string
	pods            []string
}

// casting lists the pods at a trial's beginning: in each region those of the version
// with most of them.
func casting(ctx context.Context, source Source, rb *runbook.Runbook, h history) ([]cast, error) {
	if rb.Metrics.Join != nil {
		return nil, fmt.Errorf("runbook %s: metrics.join: pods whose version another metric tells cannot pose as another one's; calibrate a service whose series carry it", rb.Service)
	}
	selectors, err := requestSelectors(rb)
	if err != nil {
		return nil, err
	}
	var all []Stretch
	for _, selector := range selectors {
		some, err := source.Read(ctx, selector, h.from, earlier(h.from.Add(chunkLength/4), h.to))
		if err != nil {
			return nil, fmt.Errorf("list pods: %w", err)
		}
		all = append(all, some...)
	}
	pods := map[[2]string]map[string]bool{}
	for _, s := range all {
		key := [2]string{regionOf(rb, s.Labels), s.Labels.Get(rb.Metrics.SideLabel())}
		pod := s.Labels.Get(rb.Metrics.PodLabel)
		if key[1] == "" && !absentSide(rb) || pod == "" {
			continue
		}
		if pods[key] == nil {
			pods[key] = map[string]bool{}
		}
		pods[key][pod] = true
	}
	best := map[string]cast{}
	for _, key := range slices.SortedFunc(maps.Keys(pods), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if names := slices.Sorted(maps.Keys(pods[key])); len(names) > len(best[key[0]].pods) {
			best[key[0]] = cast{key[0], key[1], names}
		}
	}
	var out []cast
	for _, region := range slices.Sorted(maps.Keys(best)) {
		out = append(out, best[region])
	}
	return out, nil
}

func regionOf(rb *runbook.Runbook, l labels.Labels) string {
	if name := rb.Metrics.RegionLabel; name != "" {
		return l.Get(name)
	}
	return runbook.DefaultRegion
}

// A draw is who poses as the candidate in one trial.
type draw struct {
	rb     *runbook.Runbook
	share  float64
	salt   string
	sides  map[string]string          // region → the version whose pods are split
	listed map[string]map[string]bool // region → pod → whether it poses
}

// deal draws the posing pods. It is the same for the same seed.
func deal(rb *runbook.Runbook, casts []cast, share float64, seed uint64, trial int) draw {
	d := draw{rb: rb, share: share, salt: fmt.Sprintf("%d/%d/", seed, trial), sides: map[string]string{}, listed: map[string]map[string]bool{}}
	rnd := rand.New(rand.NewPCG(seed, uint64(trial)))
	for _, c := range casts {
		listed := map[string]bool{}
		for i, at := range rnd.Perm(len(c.pods)) {
			listed[c.pods[at]] = i < posing(len(c.pods), share)
		}
		d.sides[c.region], d.listed[c.region] = c.version, listed
	}
	return d
}

// posing is how many of n pods pose as the candidate.
func posing(n int, share float64) int {
	return min(max(int(math.Round(share*float64(n))), leastSide), n-leastSide)
}

// poses gives the posing pods' series the candidate's label. Other versions are left
// out. A pod that came later, or that serves no requests, poses by chance. What has
// no pod, such as the gauges of a drift job, stays with the stable version.
func (d draw) poses(l labels.Labels) (labels.Labels, bool) {
	side, region := l.Get(d.rb.Metrics.SideLabel()), regionOf(d.rb, l)
	if side == "" && !absentSide(d.rb) {
		return l, true
	}
	if side != d.sides[region] {
		return l, false
	}
	pod := l.Get(d.rb.Metrics.PodLabel)
	chosen, known := d.listed[region][pod]
	if !known && pod != "" {
		chosen = d.chance(pod) < d.share
	}
	value, posed := side, poser
	if t := d.rb.Metrics.Track; t != nil {
		value, posed = t.Stable, t.Candidate
	}
	if chosen {
		value = posed
	}
	return labels.NewBuilder(l).Set(d.rb.Metrics.SideLabel(), value).Labels(), true
}

// chance is a number in [0, 1) that depends on the draw and the pod only.
func (d draw) chance(pod string) float64 {
	h := fnv.New64a()
	h.Write([]byte(d.salt + pod))
	return rand.New(rand.NewPCG(h.Sum64(), 0)).Float64()
}
