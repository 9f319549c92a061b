package backtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	// derivedBin is how finely traffic is looked at to find releases.
	derivedBin = time.Minute
	// derivedGap is how long a version may be silent without being gone.
	derivedGap = 10 * time.Minute
	// derivedStep is the least change of the measured share that becomes a weight.
	derivedStep = 3
)

// DeriveReleases finds the releases of the past in the request counter: one is open
// while two versions (or tracks) of a region get traffic, and its candidate is the
// one that came later. Weights are the shares that were measured, so a candidate that
// was starved of its wanted share does not show. progress may be nil.
func DeriveReleases(ctx context.Context, source Source, rb *runbook.Runbook, from, to time.Time, progress Progress) ([]PastRelease, error) {
	selectors, err := requestSelectors(rb)
	if err != nil {
		return nil, err
	}
	t := traffic{rb: rb, from: from, last: map[string]float64{}, bins: map[string]map[string][]float64{}}
	for at := from; at.Before(to); {
		next := earlier(at.Add(chunkLength), to)
		for _, selector := range selectors {
			all, err := source.Read(ctx, selector, at, next)
			if err != nil {
				return nil, fmt.Errorf("find releases: %w", err)
			}
			if all, err = sided(ctx, source, rb, all, at, next); err != nil {
				return nil, fmt.Errorf("find releases: %w", err)
			}
			for _, s := range all {
				t.add(s)
			}
		}
		at = next
		progress.tell(at.Sub(from), to.Sub(from), "looking for releases")
	}
	var out []PastRelease
	for _, region := range slices.Sorted(maps.Keys(t.bins)) {
		out = append(out, t.releases(region)...)
	}
	slices.SortStableFunc(out, func(a, b PastRelease) int { return a.Start.Compare(b.Start) })
	return out, nil
}

// absentSide reports whether series without the label of the sides are one of them.
func absentSide(rb *runbook.Runbook) bool {
	t := rb.Metrics.Track
	return t != nil && (t.Stable == "" || t.Candidate == "")
}

// requestSelectors are the request counters of the whole service, with their own matchers:
// other series of the same name may count something else.
func requestSelectors(rb *runbook.Runbook) ([]string, error) {
	measures, err := rules.Measures(rb)
	if err != nil {
		return nil, err
	}
	requests := measures[0] // they stand first
	out := []string{selectorOf(requests.All)}
	if requests.More != nil {
		out = append(out, selectorOf(requests.More))
	}
	return out, nil
}

// traffic is the growth of the request counter in bins, by region and side.
type traffic struct {
	rb   *runbook.Runbook
	from time.Time
	last map[string]float64
	bins map[string]map[string][]float64
}

func (t *traffic) add(s Stretch) {
	side, region, key := s.Labels.Get(t.rb.Metrics.SideLabel()), regionOf(t.rb, s.Labels), s.Labels.String()
	if side == "" && !absentSide(t.rb) || region == "" {
		return
	}
	sides := t.bins[region]
	if sides == nil {
		sides = map[string][]float64{}
		t.bins[region] = sides
	}
	for _, x := range s.Samples {
		if math.IsNaN(x.Value) || x.Histogram != nil {
			continue
		}
		before, known := t.last[key]
		t.last[key] = x.Value
		grown := x.Value - before
		if !known || grown <= 0 {
			continue
		}
		bin := int(time.UnixMilli(x.At).Sub(t.from) / derivedBin)
		for len(sides[side]) <= bin {
			sides[side] = append(sides[side], 0)
		}
		sides[side][bin] += grown
	}
}

// presence is when a side got traffic first and last, with no gap between.
type presence struct {
	side     string
	from, to int // bins; to is exclusive
}

func (t *traffic) presences(region string) []presence {
	gap := int(derivedGap / derivedBin)
	var out []presence
	for _, side := range slices.Sorted(maps.Keys(t.bins[region])) {
		silent := gap + 1
		for bin, grown := range t.bins[region][side] {
			switch {
			case grown <= 0:
				silent++
				continue
			case silent > gap:
				out = append(out, presence{side, bin, bin + 1})
			default:
				out[len(out)-1].to = bin + 1
			}
			silent = 0
		}
	}
	// Of two that were there from the beginning, the greater one is the stable side.
	slices.SortStableFunc(out, func(a, b presence) int {
		return cmp.Or(cmp.Compare(a.from, b.from), -cmp.Compare(t.sum(region, a), t.sum(region, b)))
	})
	return out
}

func (t *traffic) sum(region string, p presence) float64 {
	n := 0.0
	for bin := p.from; bin < p.to; bin++ {
		n += t.grown(region, p.side, bin)
	}
	return n
}

// releases pairs each candidate with the side that was there beside it.
func (t *traffic) releases(region string) []PastRelease {
	all := t.presences(region)
	var out []PastRelease
	for i, candidate := range all {
		if stable, ok := partner(all, i, t.rb.Metrics.Track); ok {
			out = append(out, t.release(region, stable, candidate))
		}
	}
	return untangle(out)
}

// partner is the side beside a candidate: of those that were there before it, the one
// that stayed longest; with tracks, the stable track.
func partner(all []presence, candidate int, track *runbook.Track) (presence, bool) {
	c := all[candidate]
	if track != nil && c.side != track.Candidate {
		return presence{}, false
	}
	var best presence
	for i, p := range all {
		fits := i < candidate && p.side != c.side
		if track != nil {
			fits = p.side == track.Stable
		}
		if fits && p.to > c.from+1 && p.from < c.to && p.to > best.to {
			best = p
		}
	}
	return best, best.to > 0
}

func (t *traffic) release(region string, stable, candidate presence) PastRelease {
	from, to := max(stable.from, candidate.from), min(stable.to, candidate.to)
	r := PastRelease{Region: region, Stable: stable.side, Candidate: candidate.side, Start: t.at(from), End: t.at(to)}
	r.ID = fmt.Sprintf("%s-%s", r.Candidate, r.Start.UTC().Format("20060102T1504"))
	for bin := from; bin < to; bin++ {
		c, s := t.grown(region, candidate.side, bin), t.grown(region, stable.side, bin)
		if c+s <= 0 {
			continue
		}
		share := derivedWeight(c / (c + s))
		if n := len(r.Weights); n == 0 {
			r.Weights = []Weight{{r.Start, share}}
		} else if d := share - r.Weights[n-1].Percent; d > derivedStep || -d > derivedStep {
			r.Weights = append(r.Weights, Weight{t.at(bin), share})
		}
	}
	return r
}

// derivedWeight is in whole percents, as far as measured traffic tells; below one in hundredths.
func derivedWeight(share float64) runbook.Weight {
	if share < 0.01 {
		return max(runbook.RoundWeight(100*share), 0.01)
	}
	return runbook.RoundWeight(math.Round(100 * share))
}

func (t *traffic) at(bin int) time.Time { return t.from.Add(time.Duration(bin) * derivedBin).UTC() }

func (t *traffic) grown(region, side string, bin int) float64 {
	if all := t.bins[region][side]; bin < len(all) {
		return all[bin]
	}
	return 0
}

// untangle ends a release where the next one of its region begins: at most one is open.
func untangle(all []PastRelease) []PastRelease {
	slices.SortStableFunc(all, func(a, b PastRelease) int { return a.Start.Compare(b.Start) })
	for i := range all[:max(len(all)-1, 0)] {
		if next := all[i+1].Start; all[i].End.After(next) {
			all[i].End = next
		}
	}
	return slices.DeleteFunc(all, func(r PastRelease) bool { return !r.End.After(r.Start) || len(r.Weights) == 0 })
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
