package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// PodsQuestion is Answer.Question of the ready pods of the last known good.
const PodsQuestion = "ready pods"

// StandbyPods counts the pods of the stable side that could take traffic, in one question. Good:
// there are as many as all traffic needs. Unknown: Prometheus did not answer.
func (p *Prometheus) StandbyPods(ctx context.Context, q rules.Questions, rel record.Release,
	need int) record.Answer {
	a := counted(PodsQuestion+" "+rel.Stable.Version, need, time.Now().UTC())
	ctx, cancel := p.within(ctx)
	defer cancel()
	replies := p.ask(ctx, []question{{name: askWarmStable, expr: q.Warm(rel, runbook.Stable)}})
	a.Query = replies[0].query
	n, has := replies[0].one()
	switch _, problem := firstProblem(&replies[0]); {
	case problem != "":
		a.Text = "the pods of " + rel.Stable.Version + " cannot be counted: " + problem
		return a
	case !has:
		a.Text = "the pods of " + rel.Stable.Version + " cannot be counted"
		return a
	}
	a.Value, a.Health = n, record.Good
	a.Text = fmt.Sprintf("%s has %s ready and needs %d to take all traffic",
		rel.Stable.Version, several(int(n), "pod"), need)
	if int(n) < need {
		a.Health = record.Bad
	}
	return a
}

// several is a number of things, e.g. "1 pod" or "3 pods".
func several(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// CatalogQuestion is Answer.Question of the instances in Consul's catalog.
const CatalogQuestion = "passing instances"

// StandbyInstances judges how many instances of the stable side's service pass their health checks
// in Consul's catalog; err says why they could not be counted.
func StandbyInstances(service string, n, need int, err error, at time.Time) record.Answer {
	a := counted(CatalogQuestion+" "+service, need, at)
	a.Value = float64(n)
	a.Text = fmt.Sprintf("%s has %s in Consul's catalog and needs %d to take all traffic",
		service, several(n, "passing instance"), need)
	switch {
	case err != nil:
		a.Text = clip(err.Error(), 300)
	case n < need:
		a.Health = record.Bad
	default:
		a.Health = record.Good
	}
	return a
}

// counted is an answer about how many there are of what could take traffic, before it is known.
func counted(question string, need int, at time.Time) record.Answer {
	return record.Answer{Question: question, Health: record.Unknown, Limit: float64(need), Unit: podUnit, At: at}
}

// podUnit is the unit of answers that count what could take traffic.
const podUnit = "pods"

// JudgeStandby is the state that the probes of a standby show, and why it is not warm. What is
// bad counts before what is not known, and too few pods before what they answer.
func JudgeStandby(answers []record.Answer) (record.StandbyState, string) {
	said := map[record.StandbyState]string{}
	for _, a := range answers {
		state := record.StandbyUnknown
		switch {
		case a.Aside || a.Health == record.Good:
			continue
		case a.Health == record.Bad && a.Unit == podUnit:
			state = record.Cold
		case a.Health == record.Bad:
			state = record.StandbyUnhealthy
		}
		if said[state] == "" {
			said[state] = a.Text
		}
	}
	for _, state := range []record.StandbyState{record.Cold, record.StandbyUnhealthy, record.StandbyUnknown} {
		if why := said[state]; why != "" {
			return state, why
		}
	}
	if len(answers) == 0 {
		return record.StandbyUnknown, ""
	}
	return record.Warm, ""
}
