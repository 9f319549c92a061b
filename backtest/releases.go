package backtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
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
	At      time.Time `json:"at"`
	Percent int       `json:"percent"`
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
	from := 0
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
	ID        string     `yaml:"id"`
	Region    string     `yaml:"region"`
	Stable    string     `yaml:"stable"`
	Candidate string     `yaml:"candidate"`
	Start     timestamp  `yaml:"start"`
	End       *timestamp `yaml:"end"`
	Weight    *int       `yaml:"weight"`
	Weights   []struct {
		At      timestamp `yaml:"at"`
		Percent int       `yaml:"percent"`
	} `yaml:"weights"`
}

// ParseReleases reads a list of releases, YAML or JSON, either bare or under the key
// "releases". A misspelt key is an error, and so are two releases of one region at
// the same time. The result is sorted by start; file is its name in messages.
func ParseReleases(file string, text []byte) ([]PastRelease, error) {
	var listed []listedRelease
	if err := decodeList(text, "releases", &listed); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(listed) == 0 {
		return nil, fmt.Errorf("%s: no release in it; write a list of {stable: v1, candidate: v2, start: TIME, end: TIME, weight: 10}", file)
	}
	out := make([]PastRelease, 0, len(listed))
	for i, l := range listed {
		r, err := l.release()
		if err != nil {
			return nil, fmt.Errorf("%s: releases[%d].%w", file, i, err)
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b PastRelease) int { return a.Start.Compare(b.Start) })
	return out, apart(file, out)
}

// decodeList decodes strictly what is a list, or a mapping with a list under key.
func decodeList(text []byte, key string, into any) error {
	var top yaml.Node
	if err := yaml.Unmarshal(text, &top); err != nil {
		return err
	}
	if len(top.Content) == 1 && top.Content[0].Kind == yaml.MappingNode {
		only := top.Content[0].Content
		if len(only) != 2 || only[0].Value != key {
			return fmt.Errorf("line %d: want a list, or a single key %q with a list", top.Content[0].Line, key)
		}
		var err error
		if text, err = yaml.Marshal(only[1]); err != nil {
			return err
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (l listedRelease) release() (PastRelease, error) {
	r := PastRelease{ID: l.ID, Region: cmp.Or(l.Region, runbook.DefaultRegion), Stable: l.Stable, Candidate: l.Candidate, Start: l.Start.Time}
	switch {
	case r.Stable == "":
		return r, errors.New("stable: is missing; write the stable version, as the version label has it")
	case r.Candidate == "":
		return r, errors.New("candidate: is missing; write the candidate's version, as the version label has it")
	case r.Stable == r.Candidate:
		return r, fmt.Errorf("candidate: %q is the stable version too; name two versions", r.Candidate)
	case r.Start.IsZero():
		return r, errors.New("start: is missing; " + fixTime)
	}
	if l.End != nil {
		r.End = l.End.Time
		if !r.End.After(r.Start) {
			return r, errors.New("end: is not after start; leave it out if the release was never closed")
		}
	}
	if r.ID == "" {
		r.ID = fmt.Sprintf("%s-%s", r.Candidate, r.Start.Format("20060102T1504"))
	}
	return r, l.weights(&r)
}

func (l listedRelease) weights(r *PastRelease) error {
	if l.Weight != nil {
		r.Weights = append(r.Weights, Weight{r.Start, *l.Weight})
	}
	for _, w := range l.Weights {
		r.Weights = append(r.Weights, Weight{w.At.Time, w.Percent})
	}
	if len(r.Weights) == 0 {
		return errors.New("weight: is missing; write the candidate's share in percent, or weights: [{at: TIME, percent: 5}]")
	}
	slices.SortStableFunc(r.Weights, func(a, b Weight) int { return a.At.Compare(b.At) })
	for _, w := range r.Weights {
		if w.Percent < 0 || w.Percent > 100 {
			return fmt.Errorf("weights: %d is not a share in percent; write 0 to 100", w.Percent)
		}
	}
	if first := &r.Weights[0]; first.At.After(r.Start) {
		return fmt.Errorf("weights: nothing is said for %s, the start; add {at: start, percent: N}", r.Start.Format(time.RFC3339))
	}
	return nil
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
