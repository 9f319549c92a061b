package gameday

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// pairCount is what the pods of a staging environment said of the pairs they serve, at
// each look at Prometheus.
type pairCount struct {
	asked, answered int            // of each side, at each look
	sides           map[string]int // answers by version
	mixed           int64          // pods that served another pair, at each look
	last            string         // the last answer that was not good
}

// pairs asks Prometheus what the pods of both sides serve, if the runbook says how they
// tell it. A bundle that the store does not know, and a side that does not answer, are
// not counted as good.
func (s *Staging) pairs(ctx context.Context) {
	how := s.Runbook.Verification.Pairing
	if how == nil {
		return
	}
	q, err := rules.Ask(s.Runbook)
	if err != nil {
		return // the daemon would not run with it
	}
	if s.paired.sides == nil {
		s.paired.sides = map[string]int{}
	}
	for role, side := range map[runbook.Role]record.Side{runbook.Stable: s.release.Stable, runbook.Candidate: s.release.Candidate} {
		s.paired.asked++
		bundle, err := s.bundle(ctx, side.Bundle)
		if err != nil {
			s.paired.last = err.Error()
			continue
		}
		a, _ := verify.New(s.Prometheus, 0).Pairing(ctx, q, how, s.release, role, bundle)
		if a.Health != record.Good {
			s.paired.last = a.Text
		}
		if a.Health == record.Good || a.Health == record.Bad {
			s.paired.answered++
			s.paired.sides[side.Version]++
			s.paired.mixed += int64(a.Samples - a.Value)
		}
	}
}

// bundle reads what the daemon keeps of a bundle.
func (s *Staging) bundle(ctx context.Context, digest string) (b runbook.Bundle, err error) {
	key := store.BundleKey(digest)
	snap, err := s.Store.Read(ctx, key)
	if err != nil {
		return b, fmt.Errorf("read bundle %s: %w", digest, err)
	}
	entry, ok := snap.Get(key)
	if !ok {
		return b, fmt.Errorf("read bundle %s: the store does not have it", digest)
	}
	if err := json.Unmarshal(entry.Value, &b); err != nil {
		return b, fmt.Errorf("read bundle %s: %w", digest, err)
	}
	return b, nil
}

// say is the count of mixed pairs, [Uncounted] if one side never told, and the sentence
// for the score.
func (p pairCount) say(s *Staging) (mixed int64, text string) {
	switch {
	case s.Runbook.Verification.Pairing == nil:
		return Uncounted, "the runbook does not say how pods tell what they serve (verification.pairing)"
	case s.Prometheus == nil:
		return Uncounted, "no Prometheus was named (--prometheus.url)"
	case p.sides[s.release.Stable.Version] == 0 || p.sides[s.release.Candidate.Version] == 0:
		return Uncounted, cmp.Or(p.last, "nobody was asked")
	case p.mixed > 0:
		return p.mixed, fmt.Sprintf("pods served another pair %d times in %d answers of Prometheus; the last time: %s", p.mixed, p.answered, p.last)
	}
	return 0, fmt.Sprintf("every pod told of its own bundle in all %d answers of Prometheus to %d questions", p.answered, p.asked)
}
