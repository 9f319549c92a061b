package verify

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
)

// A Course is how the verification of one rollback, or of a step of the ramp, went so far.
type Course struct {
	// Answers of the last poll. After a rollback that of [Prometheus.Drained] is among
	// them: without it nothing is called recovered.
	Answers []record.Answer
	// Step: it is a step of the ramp, after which the candidate keeps its traffic.
	Step bool
	// Bads is the count of polls in a row in which a check was bad, see [IsCheck]: so many as
	// are needed end a step before its deadline.
	Bads int
	// Polls is the count of good polls in a row with this one, see [Count], and Need
	// the runbook's K.
	Polls, Need int
	// Deadline is when the verdict is given in any case.
	Deadline time.Time
	// StableUnhealthy: the stable side broke an absolute limit before traffic was moved.
	StableUnhealthy bool
}

// Count returns the good polls in a row after a poll of that health. Only good ones
// count; any other one starts again, so that a gap in the data is never bridged.
func Count(polls int, health record.Health) int {
	if health == record.Good {
		return polls + 1
	}
	return 0
}

// Conclude gives the verdict once there is one: recovered after K good polls in a row
// (after a rollback with a drained candidate), otherwise at the deadline what the last poll says. A bad
// poll is not_recovered, or wrong_cause if the candidate is drained and the stable
// side was unhealthy before; an unknown one is cannot_tell, and so is a good one that came
// too late to be sure. False means: go on asking.
func Conclude(c Course, now time.Time) (record.Verdict, bool) {
	health, why := Judge(c.Answers)
	v := record.Verdict{Reason: why, At: now, Answers: c.Answers}
	drained, need := c.Step || healthOf(c.Answers, DrainQuestion) == record.Good, max(c.Need, 1)
	switch {
	case health == record.Good && drained && c.Polls >= need:
		v.Outcome = record.Recovered
	case now.Before(c.Deadline) && (!c.Step || c.Bads < need):
		return record.Verdict{}, false
	case health == record.Bad && drained && c.StableUnhealthy:
		v.Outcome = record.WrongCause
		v.Reason = "stable was already unhealthy before the rollback: " + why
	case health == record.Bad:
		v.Outcome = record.NotRecovered
	case health == record.Good && !drained:
		v.Outcome = record.CannotTell
		v.Reason = "unknown whether the candidate still gets requests. " + why
	case health == record.Good:
		v.Outcome = record.CannotTell
		v.Reason = fmt.Sprintf("good only for the last %d of %d polls: too late to be sure. %s", c.Polls, need, why)
	default:
		v.Outcome = record.CannotTell
	}
	return v, true
}

func healthOf(answers []record.Answer, question string) record.Health {
	for _, a := range answers {
		if a.Question == question {
			return a.Health
		}
	}
	return record.Unknown
}
