package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// DrainQuestion is Answer.Question of the candidate's traffic.
const DrainQuestion = "candidate traffic"

// drainScrapes is the window of the rate in intervals: a rate needs two scrapes, and
// one may be lost.
const drainScrapes = 3

// Drained asks whether the candidate still gets requests, in req/s. Good: its rate is
// zero over a window that lies wholly after rel.WeightChangedAt, or its series are
// gone while the stable side's are fresh. Bad: its rate is above zero. Unknown: no
// data, or the window is not over yet.
func (p *Prometheus) Drained(ctx context.Context, q rules.Questions, rel runbook.Release) runbook.Answer {
	ctx, cancel := p.within(ctx)
	defer cancel()
	window := drainScrapes * q.Interval()
	replies := p.ask(ctx, []question{
		{name: askCandidateRate, expr: q.Over(window).Rate(rel, rules.Candidate)},
		{name: askCandidatePods, expr: q.Pods(rel, rules.Candidate)},
		{name: askStablePods, expr: q.Pods(rel, rules.Stable)},
	})
	d := drain{candidate: rel.Candidate.Version, rate: &replies[0], candidatePods: &replies[1], stablePods: &replies[2]}
	a := runbook.Answer{Question: DrainQuestion, Unit: "req/s", At: time.Now().UTC()}
	d.early = a.At.Sub(rel.WeightChangedAt) < window
	a.Health, a.Text = d.judge(&a.Value)
	a.Query = replies[0].query
	return a
}

type drain struct {
	candidate                       string
	rate, candidatePods, stablePods *reply
	early                           bool // the window reaches back before the change
}

func (d drain) judge(value *float64) (runbook.Health, string) {
	rate, hasRate := d.rate.one()
	candidatePods, _ := d.candidatePods.one()
	stablePods, _ := d.stablePods.one()
	*value = rate
	if name, problem := firstProblem(d.rate, d.candidatePods, d.stablePods); problem != "" {
		return runbook.Unknown, fmt.Sprintf("cannot tell whether %s still gets requests: %s: %s", d.candidate, name, problem)
	}
	switch {
	case hasRate && rate > 0:
		return runbook.Bad, fmt.Sprintf("%s still gets %s req/s", d.candidate, short(rate))
	case stablePods <= 0:
		return runbook.Unknown, fmt.Sprintf("cannot tell whether %s still gets requests: no pod of the stable side reports", d.candidate)
	case d.early:
		return runbook.Unknown, fmt.Sprintf("too early to tell whether %s still gets requests", d.candidate)
	case hasRate && candidatePods > 0:
		return runbook.Good, fmt.Sprintf("%s gets 0 req/s", d.candidate)
	case candidatePods > 0:
		return runbook.Unknown, fmt.Sprintf("cannot tell whether %s still gets requests: its pods report, but no rate yet", d.candidate)
	}
	return runbook.Good, fmt.Sprintf("%s gets 0 req/s: its pods no longer report, the stable side's do", d.candidate)
}

func firstProblem(replies ...*reply) (name, problem string) {
	for _, r := range replies {
		if r.problem != "" {
			return r.query.Name, r.problem
		}
	}
	return "", ""
}
