package followup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Releases reads the releases of a target out of the shares that the daemon exported for them
// (autorollback_weight), newest first. Which side is the candidate, its share says: it is the one that
// began with less. One of which that cannot be told is named in unknown.
func Releases(weights model.Matrix, service, region string) (all []Past, unknown []string) {
	sides := map[string]map[string][]model.SamplePair{}
	for _, s := range weights {
		id, version := string(s.Metric["release"]), string(s.Metric["version"])
		if sides[id] == nil {
			sides[id] = map[string][]model.SamplePair{}
		}
		sides[id][version] = append(sides[id][version], s.Values...) // of several replicas, one after the other
	}
	for _, id := range slices.Sorted(maps.Keys(sides)) {
		p, err := releaseOf(sides[id])
		if err != nil {
			unknown = append(unknown, fmt.Sprintf("release %s: %v", id, err))
			continue
		}
		p.Schema, p.ID, p.Service, p.Region, p.Phase, p.Epoch = runbook.Schema, id, service, region, record.Closed, 1
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Past) int { return b.StartedAt.Compare(a.StartedAt) })
	return all, unknown
}

func releaseOf(sides map[string][]model.SamplePair) (Past, error) {
	if len(sides) != 2 {
		return Past{}, fmt.Errorf("its shares are of %d versions", len(sides))
	}
	for _, values := range sides {
		slices.SortFunc(values, func(a, b model.SamplePair) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	}
	names := slices.Sorted(maps.Keys(sides))
	stable, candidate := names[0], names[1]
	if sides[stable][0].Value < sides[candidate][0].Value {
		stable, candidate = candidate, stable
	}
	values := sides[candidate]
	if values[0].Value == sides[stable][0].Value {
		return Past{}, fmt.Errorf("both sides began with %v %%, so nobody can tell the candidate", values[0].Value)
	}
	side := func(version string) record.Side {
		return record.Side{Version: version, Backend: version, Bundle: version}
	}
	p := Past{Release: record.Release{Stable: side(stable), Candidate: side(candidate), StartedAt: values[0].Timestamp.Time().UTC()}}
	for _, v := range values {
		at, weight := v.Timestamp.Time().UTC(), runbook.RoundWeight(float64(v.Value))
		if weight != p.Weight {
			p.Moves = append(p.Moves, record.Move{At: at, From: p.Weight, To: weight})
			p.Weight, p.WeightChangedAt = weight, at
		}
		if weight > 0 && p.TrafficAt.IsZero() {
			p.TrafficAt = at
		}
		p.Until = at
	}
	if p.TrafficAt.IsZero() {
		return Past{}, fmt.Errorf("%s had no traffic", candidate)
	}
	return p, nil
}

// Over are the releases that ended before a moment, apart from one, at most so many.
func Over(all []Past, but string, by time.Time, most int) []Past {
	all = slices.DeleteFunc(slices.Clone(all), func(p Past) bool { return p.ID == but || !p.Until.Before(by) })
	return all[:min(len(all), most)]
}
