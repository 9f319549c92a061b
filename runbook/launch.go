package runbook

import (
	"fmt"
	"slices"
	"time"
)

// Launch is a parsed release file: what `release start -f` asks for.
type Launch struct {
	Schema  int    `yaml:"schema" json:"schema"`
	Service string `yaml:"service" json:"service"`
	// Region is the only one that it is for; left out: it is for Regions, and without those for
	// all of the runbook's.
	Region string `yaml:"region,omitempty" json:"region,omitempty"`
	// Regions are those that it goes through, one after the other: each waits for the one before
	// to be proved. Not with region.
	Regions   []string   `yaml:"regions,omitempty" json:"regions,omitempty"`
	Weight    Weight     `yaml:"weight" json:"weight"` // candidate's first weight, 0..100
	Stable    LaunchSide `yaml:"stable" json:"stable"`
	Candidate LaunchSide `yaml:"candidate" json:"candidate"`
	// StableNotProved is why the stable side need not be the last known good; it comes
	// from whoever starts the release, never from the file. Empty: it must be.
	StableNotProved string `yaml:"-" json:"-"`
	// Safer asks for the ramp that [Rollout.Safer] drafts from the last incident. It
	// comes from whoever starts the release as well.
	Safer bool `yaml:"-" json:"-"`
}

// LaunchSide is one side of a launch with its whole bundle.
type LaunchSide struct {
	Version string `yaml:"version" json:"version"`
	Backend string `yaml:"backend" json:"backend"` // default Version
	Bundle  Bundle `yaml:"bundle" json:"bundle"`
}

// A Role is the part a version plays in a release: the value of the label role of
// autorollback_release_role.
type Role string

const (
	Candidate Role = "candidate"
	Stable    Role = "stable"
)

// ParseLaunch reads and checks a release file, in YAML or JSON, as strictly as a
// runbook; file is its name in messages. The error is [Problems].
func ParseLaunch(file string, text []byte) (Launch, error) {
	var l Launch
	err := read(file, text, &l, begin, func(p *decoder) {
		l.applyDefaults(p)
		l.check(p)
	})
	if err != nil {
		return Launch{}, err
	}
	return l, nil
}

func (l *Launch) applyDefaults(p *decoder) {
	setDefault(p, "stable.backend", &l.Stable.Backend, l.Stable.Version)
	setDefault(p, "candidate.backend", &l.Candidate.Backend, l.Candidate.Version)
	setDefault(p, "stable.bundle.schema", &l.Stable.Bundle.Schema, Schema)
	setDefault(p, "candidate.bundle.schema", &l.Candidate.Bundle.Schema, Schema)
}

func (l *Launch) check(p *decoder) {
	p.schema(l.Schema)
	p.name("service", l.Service)
	l.checkRegions(p)
	if !p.has("weight") {
		p.missing("weight", "write the candidate's first share in percent, e.g. `weight: 5`")
	}
	l.Stable.check(p, "stable")
	l.Candidate.check(p, "candidate")
	l.checkApart(p)
}

func (l *Launch) checkRegions(p *decoder) {
	if p.has("region") {
		p.name("region", l.Region)
	}
	if p.has("region") && p.has("regions") {
		p.add("regions", "stands beside region", "keep region for one, or regions for several in their order")
	}
	for i, region := range l.Regions {
		at := fmt.Sprintf("regions[%d]", i)
		p.name(at, region)
		if slices.Index(l.Regions, region) < i {
			p.add(at, fmt.Sprintf("%q is named twice", region), "keep one of the two")
		}
	}
}

func (s LaunchSide) check(p *decoder, at string) {
	if !p.has(at) {
		p.missing(at, "write version, backend and bundle of the "+at+" side")
	}
	p.word(at+".version", s.Version, "write the value of the version label, e.g. v1")
	p.word(at+".backend", s.Backend, "write the router's name of the backend, e.g. ranker-v1")
	s.Bundle.check(p, at+".bundle")
}

// checkApart refuses a release of something against itself.
func (l *Launch) checkApart(p *decoder) {
	if l.Stable.Version == l.Candidate.Version && l.Stable.Version != "" {
		p.add("candidate.version", fmt.Sprintf("%q is the stable side's version too", l.Candidate.Version), "give the candidate a version of its own")
	}
	if l.Stable.Backend == l.Candidate.Backend && l.Stable.Backend != "" && (p.has("candidate.backend") || p.has("stable.backend")) {
		p.add("candidate.backend", fmt.Sprintf("%q is the stable side's backend too", l.Candidate.Backend), "give the candidate a backend of its own")
	}
	if p.has("candidate.bundle") && p.has("stable.bundle") && l.Stable.Bundle.Digest() == l.Candidate.Bundle.Digest() {
		p.add("candidate.bundle", "is the stable side's bundle", "describe what the candidate changes: image, registry version, features or flags")
	}
}

// Shadow says whether a candidate must be compared before a release of it may start.
// A runbook without the section asks for nothing.
type Shadow struct {
	// Required refuses `release start` without a recorded pass of exactly this candidate
	// bundle against exactly this stable bundle; default true.
	Required bool `yaml:"required" json:"required"`
	// MaxAge is how old the report may be, at most 90d; default 7d.
	MaxAge Duration `yaml:"max_age" json:"max_age"`
}

// ShadowMaxAge is the greatest MaxAge: a verdict is kept for as long.
const ShadowMaxAge = 90 * 24 * time.Hour

// Needed reports whether a release needs a pass.
func (s *Shadow) Needed() bool { return s != nil && s.Required }

func (s *Shadow) applyDefaults(p *decoder) {
	if s == nil {
		return
	}
	setDefault(p, "shadow.required", &s.Required, true)
	setDefault(p, "shadow.max_age", &s.MaxAge, Duration(7*24*time.Hour))
}

func (s *Shadow) check(p *decoder) {
	if s == nil {
		return
	}
	p.positive("shadow.max_age", s.MaxAge)
	if s.MaxAge.Std() > ShadowMaxAge {
		p.add("shadow.max_age", fmt.Sprintf("%s is longer than verdicts are kept", s.MaxAge), "write 90d or less")
	}
}
