package verify

import (
	"fmt"
	"strings"
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

// Judge sums up one poll, and says why. Any bad answer is Bad. All good is Good; a
// business question that cannot be proved in time is named, see [Pending], and does
// not stand in the way. Anything else is Unknown, no answer at all as well.
func Judge(answers []record.Answer) (record.Health, string) {
	var bad, unknown, good []record.Answer
	system := false
	for _, a := range answers {
		switch {
		case a.Aside:
		case a.Health == record.Bad:
			bad = append(bad, a)
		case a.Health == record.Good:
			good = append(good, a)
			system = system || isSystem(a)
		case !a.Business:
			unknown = append(unknown, a)
		}
	}
	switch {
	case len(bad) > 0:
		return record.Bad, sentences(bad)
	case len(unknown) > 0:
		return record.Unknown, sentences(unknown)
	case !system:
		return record.Unknown, "no question about what users get was answered"
	}
	return record.Good, sentences(append(good, Pending(answers)...))
}

// Pending are the business answers that are neither good nor bad yet.
func Pending(answers []record.Answer) []record.Answer {
	var pending []record.Answer
	for _, a := range answers {
		if a.Business && a.Health != record.Good && a.Health != record.Bad {
			pending = append(pending, a)
		}
	}
	return pending
}

// FlagQuestion is Answer.Question of the flags in the store.
const FlagQuestion = "flags"

// isSystem reports whether the answer tells what users get technically: a candidate
// without traffic alone says nothing of that, nor do pairs, flags and stored predictions.
func isSystem(a record.Answer) bool {
	return !a.Business && a.Question != DrainQuestion && !IsCheck(a)
}

// IsCheck reports whether an answer is about who serves, and not about a level: pairs,
// stored predictions, flags.
func IsCheck(a record.Answer) bool {
	return a.Question == FlagQuestion || strings.HasPrefix(a.Question, PairQuestion) || strings.HasPrefix(a.Question, GoldenQuestion)
}

func sentences(answers []record.Answer) string {
	texts := make([]string, len(answers))
	for i, a := range answers {
		texts[i] = a.Text
	}
	return strings.Join(texts, ". ")
}
