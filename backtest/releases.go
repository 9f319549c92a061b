package backtest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A PastRelease says who was stable and who the candidate, from when to when, and
// with which share of the traffic.
type PastRelease struct {
	ID        string    `json:"id"`
	Region    string    `json:"region"`
	Stable    string    `json:"stable"`
	Candidate string    `json:"candidate"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end,omitzero"` // zero: it was never closed
	Weights   []Weight  `json:"weights"`      // ascending, the first at Start
}

// A Weight is the candidate's wanted share from a moment on, in percent.
type Weight struct {
	At      time.Time      `json:"at"`
	Percent runbook.Weight `json:"percent"`
}

// open reports whether the release is in flight.
func (r PastRelease) open(now time.Time) bool {
	return !now.Before(r.Start) && (r.End.IsZero() || now.Before(r.End))
}

// weight is the newest weight and when it came.
func (r PastRelease) weight(now time.Time) Weight {
	w := Weight{At: r.Start}
	for _, x := range r.Weights {
		if !x.At.After(now) {
			w = x
		}
	}
	return w
}

// release is what the daemon would have known of it.
func (r PastRelease) release(service string, now time.Time) record.Release {
	w := r.weight(now)
	side := func(version string) record.Side {
		return record.Side{Version: version, Backend: version, Bundle: version}
	}
	rel := record.Release{Schema: runbook.Schema, ID: r.ID, Service: service, Region: r.Region,
		Stable: side(r.Stable), Candidate: side(r.Candidate), Weight: w.Percent, Phase: record.Open,
		Epoch: 1, StartedAt: r.Start, WeightChangedAt: w.At}
	from := runbook.Weight(0)
	for _, x := range r.Weights {
		if !x.At.After(now) {
			rel.Moves = append(rel.Moves, record.Move{At: x.At, From: from, To: x.Percent})
			from = x.Percent
		}
	}
	if !r.open(now) {
		rel.Phase = record.Closed
	}
	return rel
}

// listedRelease is a release as the file has it.
type listedRelease struct {
	ID        string          `yaml:"id"`
	Region    string          `yaml:"region"`
	Stable    string          `yaml:"stable"`
	Candidate string          `yaml:"candidate"`
	Start     timestamp       `yaml:"start"`
	End       *timestamp      `yaml:"end"`
	Weight    *runbook.Weight `yaml:"weight"`
	Weights   []struct {
		At      timestamp      `yaml:"at"`
		Percent runbook.Weight `yaml:"percent"`
	} `yaml:"weights"`
}

const fixRelease = "write a list of {stable: v1, candidate: v2, start: TIME, end: TIME, weight: 10}"

// ParseReleases reads a list of releases, YAML or JSON, either bare or under the key
// "releases". A misspelt key is an error, and so are two releases of one region at
// the same time. The result is sorted by start; file is its name in messages.
func ParseReleases(file string, text []byte) ([]PastRelease, error) {
	var listed struct {
		Releases []listedRelease `yaml:"releases"`
	}
	into, list := any(&listed), "releases"
	if yaml.Unmarshal(text, new([]yaml.Node)) == nil {
		into, list = &listed.Releases, ""
	}
	var out []PastRelease
	err := runbook.Decode(file, text, into, fixRelease, func(c runbook.Check) {
		c.Want(len(listed.Releases) > 0, list, "no release in it", fixRelease)
		for i, l := range listed.Releases {
			out = append(out, l.release(c, fmt.Sprintf("%s[%d]", list, i)))
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b PastRelease) int { return a.Start.Compare(b.Start) })
	return out, apart(file, out)
}

func (l listedRelease) release(c runbook.Check, at string) PastRelease {
	r := PastRelease{ID: l.ID, Region: cmp.Or(l.Region, runbook.DefaultRegion), Stable: l.Stable, Candidate: l.Candidate, Start: l.Start.Time}
	c.Want(r.Stable != "", at+".stable", "is missing", "write the stable version, as the version label has it")
	c.Want(r.Candidate != "", at+".candidate",
		"is missing", "write the candidate's version, as the version label has it")
	c.Want(r.Stable != r.Candidate, at+".candidate",
		fmt.Sprintf("%q is the stable version too", r.Candidate), "name two versions")
	c.Want(!r.Start.IsZero(), at+".start", "is missing", fixTime)
	if l.End != nil {
		r.End = l.End.Time
		c.Want(r.End.After(r.Start), at+".end",
			"is not after start", "leave it out if the release was never closed")
	}
	if r.ID == "" {
		r.ID = fmt.Sprintf("%s-%s", r.Candidate, r.Start.Format("20060102T1504"))
	}
	r.Weights = l.weights(c, at, r.Start)
	return r
}

func (l listedRelease) weights(c runbook.Check, at string, start time.Time) (all []Weight) {
	if l.Weight != nil {
		all = append(all, Weight{start, *l.Weight})
	}
	for _, w := range l.Weights {
		all = append(all, Weight{w.At.Time, w.Percent})
	}
	if len(all) == 0 {
		c(at+".weight",
			"is missing", "write the candidate's share in percent, or weights: [{at: TIME, percent: 5}]")
		return nil
	}
	slices.SortStableFunc(all, func(a, b Weight) int { return a.At.Compare(b.At) })
	c.Want(!all[0].At.After(start), at+".weights", fmt.Sprintf("nothing is said for %s, the start", start.Format(time.RFC3339)),
		"add {at: start, percent: N}")
	return all
}

// apart refuses two releases of one region at the same time, and two of one id.
func apart(file string, sorted []PastRelease) error {
	for i, r := range sorted {
		for _, earlier := range sorted[:i] {
			if earlier.ID == r.ID {
				return fmt.Errorf("%s: releases: two have the id %q; give each its own", file, r.ID)
			}
			if earlier.Region == r.Region && earlier.open(r.Start) {
				return fmt.Errorf("%s: releases: %s begins while %s is open in region %s; write the end of the earlier one", file, r.ID, earlier.ID, r.Region)
			}
		}
	}
	return nil
}
