// Package known remembers what one process last saw of each target in a store, so that a store
// that went back in time is noticed: what is newer is remembered, and written down for the time
// after a restart. What is older never replaces what is known. It does no I/O of its own, and
// never decides what follows: package policy does.
package known

import (
	"reflect"
	"sync"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Memory is what is known of one store. It is safe for concurrent use.
type Memory struct {
	mu           sync.Mutex
	region       string // in the lines that are written; empty: there is one store
	installation string
	targets      map[Target]record.Known
	bundles      map[string]runbook.Bundle // by digest
	control      control
	other        string // why the store is another one; empty: nobody knows better
}

// A Target is one service in one region.
type Target struct{ Service, Region string }

// New is a memory of what the lines of a journal say, oldest first.
func New(region string, past []record.Seen) *Memory {
	m := &Memory{region: region, targets: map[Target]record.Known{}, bundles: map[string]runbook.Bundle{}}
	for _, s := range past {
		if s.Region == region {
			m.recall(s)
		}
	}
	return m
}

func (m *Memory) recall(s record.Seen) {
	switch {
	case s.Installation != "":
		m.installation = s.Installation
	case s.Release != nil:
		k := m.targets[Target{s.Release.Service, s.Release.Region}]
		if k.Release == nil || !k.Release.After(s.Release) {
			k.Release, k.Index = s.Release, s.Index
			m.targets[Target{s.Release.Service, s.Release.Region}] = k
		}
	case s.Control != nil:
		m.control = control{*s.Control, s.Index, s.Order}
	case s.Quarantine != nil:
		m.bar(*s.Quarantine)
	case s.Bundle != nil:
		m.bundles[s.Bundle.Digest()] = *s.Bundle
	}
}

// bar keeps a quarantine, and reports whether it says something new.
func (m *Memory) bar(q record.Quarantine) bool {
	target := Target{q.Service, q.Region}
	k := m.targets[target]
	if old, there := k.Quarantined[q.Bundle]; there && old.Lifted == q.Lifted {
		return false
	}
	all := map[string]record.Quarantine{q.Bundle: q}
	for bundle, old := range k.Quarantined {
		if bundle != q.Bundle {
			all[bundle] = old
		}
	}
	k.Quarantined = all
	m.targets[target] = k
	return true
}

// Of is what is known of a target. What is read of it later must not be older.
func (m *Memory) Of(t Target) record.Known {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.targets[t]
	k.Installation = m.installation
	if k.Release != nil {
		for _, side := range []record.Side{k.Release.Stable, k.Release.Candidate} {
			if b, there := m.bundles[side.Bundle]; there {
				k.Bundles = append(k.Bundles, b)
			}
		}
	}
	return k
}

// Targets are those of which a release is known.
func (m *Memory) Targets() []Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Target
	for t, k := range m.targets {
		if k.Release != nil {
			all = append(all, t)
		}
	}
	return all
}

// Learn takes what was read or committed of a target, and returns what is to be written down of
// it. index is the release's in the store, 0 if it was not read. What is older than what is known
// changes nothing.
func (m *Memory) Learn(t Target, rel *record.Release, index uint64, quarantined map[string]record.Quarantine) (news []record.Seen) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range quarantined {
		if q.Service == t.Service && q.Region == t.Region && m.bar(q) {
			news = append(news, record.Seen{Region: m.region, Quarantine: &q})
		}
	}
	k := m.targets[t]
	if rel == nil || k.Release != nil && older(k, rel, index) {
		return news
	}
	fresh := k.Release == nil || differs(*k.Release, *rel)
	k.Release, k.Index = rel, max(k.Index, index)
	m.targets[t] = k
	if fresh {
		news = append(news, record.Seen{Region: m.region, Release: rel, Index: k.Index})
	}
	return news
}

func older(k record.Known, rel *record.Release, index uint64) bool {
	return policy.WentBack(policy.History{Known: record.Known{Release: k.Release, Index: k.Index}, Release: rel, Index: index}) != ""
}

// differs reports whether a release has come to another point: what is written down. The many
// small changes between are not.
func differs(a, b record.Release) bool {
	return a.ID != b.ID || a.Epoch != b.Epoch || a.Phase != b.Phase || a.Incident != b.Incident || a.Frozen != b.Frozen ||
		!reflect.DeepEqual(a.Stopped, b.Stopped) || (a.Held == nil) != (b.Held == nil)
}

// LearnBundle takes a manifest, and returns what is to be written down; nil: it is known.
func (m *Memory) LearnBundle(b runbook.Bundle) *record.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	digest := b.Digest()
	if _, there := m.bundles[digest]; there {
		return nil
	}
	m.bundles[digest] = b
	return &record.Seen{Region: m.region, Bundle: &b}
}

// Install takes the installation that the store says it is of, and returns what is to be written
// down; nil: it is known. One that is another is not taken, see [Memory.Other].
func (m *Memory) Install(now record.Installation) *record.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.other = policy.OtherStore(policy.History{Known: record.Known{Installation: m.installation}, Installation: now})
	if m.other != "" || now.ID == "" || now.ID == m.installation {
		return nil
	}
	m.installation = now.ID
	return &record.Seen{Region: m.region, Installation: now.ID}
}

// Other says that the store was another one when it was read last; empty: it was not.
func (m *Memory) Other() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.other
}

// Installation is the id that is known; empty: none is.
func (m *Memory) Installation() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.installation
}
