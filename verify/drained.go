package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// DrainQuestion is Answer.Question of the candidate's traffic.
const DrainQuestion = "candidate traffic"

// Windows of the rate in intervals: a rate needs two scrapes, and one may be lost.
// Series that gave none over the longer window are gone.
const (
	drainScrapes = 3
	goneScrapes  = 6
)

// Drained asks whether the candidate still gets requests, in req/s. Good: its rate is
// zero over a window that lies wholly after rel.WeightChangedAt, or its series are
// gone while the stable side's are fresh. Bad: its rate is above zero. Unknown: no
// data, or the window is not over yet.
func (p *Prometheus) Drained(ctx context.Context, q rules.Questions, rel record.Release) record.Answer {
	ctx, cancel := p.within(ctx)
	defer cancel()
	window := drainScrapes * q.Interval()
	replies := p.ask(ctx, []question{
		{name: askCandidateRate, expr: q.Over(window).Rate(rel, runbook.Candidate)},
		{name: askCandidateRate + " over the longer window", expr: q.Over(goneScrapes*q.Interval()).Rate(rel, runbook.Candidate)},
		{name: askStablePods, expr: q.Pods(rel, runbook.Stable)},
	})
	d := drain{candidate: rel.Candidate.Version, rate: &replies[0], longer: &replies[1], stablePods: &replies[2]}
	a := record.Answer{Question: DrainQuestion, Unit: "req/s", At: time.Now().UTC()}
	d.early = a.At.Sub(rel.WeightChangedAt) < window
	a.Value, _ = d.rate.one()
	a.Health, a.Text = d.judge()
	a.Query = replies[0].query
	return a
}

type drain struct {
	candidate                string
	rate, longer, stablePods *reply
	early                    bool // the window reaches back before the change
}

func (d drain) judge() (record.Health, string) {
	rate, hasRate := d.rate.one()
	_, hasLonger := d.longer.one()
	stablePods, _ := d.stablePods.one()
	name, problem := firstProblem(d.rate, d.longer, d.stablePods)
	switch {
	case problem != "":
		return d.unknown(name + ": " + problem)
	case hasRate && rate > 0:
		return record.Bad, fmt.Sprintf("%s still gets %s req/s", d.candidate, runbook.Figure(rate))
	case stablePods <= 0:
		return d.unknown("no pod of the stable side reports")
	case d.early:
		return d.unknown("too early")
	case hasRate:
		return record.Good, fmt.Sprintf("%s gets 0 req/s", d.candidate)
	case hasLonger:
		return d.unknown("its pods have just stopped reporting")
	}
	return record.Good, fmt.Sprintf("%s gets 0 req/s: its pods no longer report, the stable side's do", d.candidate)
}

func (d drain) unknown(why string) (record.Health, string) {
	return record.Unknown, fmt.Sprintf("cannot tell whether %s still gets requests: %s", d.candidate, why)
}

func firstProblem(replies ...*reply) (name, problem string) {
	for _, r := range replies {
		if r.problem != "" {
			return r.query.Name, r.problem
		}
	}
	return "", ""
}
