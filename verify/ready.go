package verify

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	askWarmStable    = "warm stable pods"
	askWarmCandidate = "warm candidate pods"
)

// Ready asks whether a rollback is possible right now and whether anything speaks
// against the next step: which pods are warm on both sides, and each trigger's own
// answer. can says whether a trigger is expected to see its effect at the release's
// weight: one that is, and has no data, is undecided. significance says what this process knows of a
// trigger; of one that is expected to see its effect it must be known. What is not answered
// is a problem, never a zero.
func (p *Prometheus) Ready(ctx context.Context, q rules.Questions, triggers []runbook.Trigger, rel record.Release, can func(trigger string) bool, significance func(trigger string) record.Significance) record.Readiness {
	breaches := make([]record.Breach, len(triggers))
	var all sync.WaitGroup
	for i, t := range triggers {
		all.Go(func() { breaches[i] = p.Confirm(ctx, q, t, rel, significance(t.Name)) })
	}
	ready := p.warm(ctx, q, rel)
	all.Wait()
	for _, b := range breaches {
		if b.Significance.Problem != "" && can(b.Trigger) && ready.Problem == "" {
			ready.Problem = b.Trigger + ": " + b.Significance.Problem
		}
		ready.StableUnhealthy = ready.StableUnhealthy || b.StableUnhealthy
		ready.CandidateRate = max(ready.CandidateRate, b.CandidateRate)
		switch {
		case b.State == record.Breaching:
			ready.Breaching = append(ready.Breaching, b.Trigger)
		case b.State == record.Unreachable && ready.Problem == "":
			ready.Problem = b.Problem
		case b.State == record.NoData && can(b.Trigger):
			ready.Undecided = append(ready.Undecided, b.Trigger)
		}
	}
	slices.Sort(ready.Breaching)
	slices.Sort(ready.Undecided)
	return ready
}

// warm counts the pods that could take traffic.
func (p *Prometheus) warm(ctx context.Context, q rules.Questions, rel record.Release) record.Readiness {
	ready := record.Readiness{AskedAt: time.Now().UTC()}
	ctx, cancel := p.within(ctx)
	defer cancel()
	replies := p.ask(ctx, []question{
		{name: askWarmStable, expr: q.Warm(rel, runbook.Stable)},
		{name: askWarmCandidate, expr: q.Warm(rel, runbook.Candidate)},
	})
	stable, hasStable := replies[0].one()
	candidate, hasCandidate := replies[1].one()
	ready.StablePods, ready.CandidatePods = int(stable), int(candidate)
	if name, problem := firstProblem(&replies[0], &replies[1]); problem != "" {
		ready.Problem = name + ": " + problem
	} else if !hasStable || !hasCandidate {
		ready.Problem = "the pods of one side cannot be counted"
	}
	return ready
}
