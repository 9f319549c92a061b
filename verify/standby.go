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
func (p *Prometheus) StandbyPods(ctx context.Context, q rules.Questions, rel record.Release, need int) record.Answer {
	a := record.Answer{Question: PodsQuestion + " " + rel.Stable.Version, Health: record.Unknown, Limit: float64(need), Unit: "pods", At: time.Now().UTC()}
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
	a.Text = fmt.Sprintf("%s has %s ready and needs %d to take all traffic", rel.Stable.Version, podCount(int(n)), need)
	if int(n) < need {
		a.Health = record.Bad
	}
	return a
}

func podCount(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

// JudgeStandby is the state that the probes of a standby show, the first of which counts its
// pods, and why it is not warm. What is bad counts before what is not known.
func JudgeStandby(answers []record.Answer) (record.StandbyState, string) {
	unknown := ""
	for n, a := range answers {
		switch {
		case a.Aside:
		case a.Health == record.Bad && n == 0:
			return record.Cold, a.Text
		case a.Health == record.Bad:
			return record.StandbyUnhealthy, a.Text
		case a.Health != record.Good && unknown == "":
			unknown = a.Text
		}
	}
	if unknown != "" || len(answers) == 0 {
		return record.StandbyUnknown, unknown
	}
	return record.Warm, ""
}
