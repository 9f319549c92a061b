package report

import (
	"github.com/autorollback/autorollback/record"
)

// A situation is how far an incident has come, as people read it: in a badge, in a headline with
// numbers, and in what is to be done now. Each incident has exactly one.
type situation struct {
	name     string
	is       func(record.Incident) bool
	badge    string
	mood     string // "good", "bad", "warn" or "open"
	headline func(told) string
	todo     func(told) []string
}

// situations is the one table of them, in order: the first that fits is the incident's.
func situations() []situation {
	return []situation{
		{"business not recovered", afterRecovery(record.NotRecovered), "business NOT recovered", "bad", businessBad, lookForBusiness},
		{"business not known", afterRecovery(record.CannotTell), "recovered", "warn", businessUnknown, lookAtBusiness},
		{"recovered", verdictIs(record.Recovered), "recovered", "good", recovered, over},
		{"still served", allOf(verdictIs(record.NotRecovered), stillServed), "NOT recovered", "bad", stillSent, cutOff},
		{"not recovered", verdictIs(record.NotRecovered), "NOT recovered", "bad", notRecovered, lookOnward},
		{"wrong cause", allOf(verdictIs(record.WrongCause), hasActed), "the release is not the cause", "warn", wrongCauseActed, lookOutside},
		{"shared cause", verdictIs(record.WrongCause), "the release is not the cause", "warn", wrongCause, chosen},
		{"cannot tell", verdictIs(record.CannotTell), "cannot tell whether users recovered", "warn", cannotTell, findData},
		{"other verdict", hasVerdict, "closed with a verdict of another version", "warn", otherVerdict, lookAtService},

		{"not applied", allOf(phaseIs(record.Acted), notFollowed), "traffic still reaches the candidate", "bad", notApplied, cutOff},
		{"draining", phaseIs(record.Acted), "rolling back", "open", draining, wait},
		{"not good yet", allOf(phaseIs(record.Verifying), notGood), "verifying", "open", notGoodYet, wait},
		{"verifying", phaseIs(record.Verifying), "verifying", "open", verifying, wait},

		{"significance unknown", allOf(phaseIs(record.Unconfirmed), unjudged), "not confirmed", "warn", significanceUnknown, chosen},
		{"not confirmed", phaseIs(record.Unconfirmed), "not confirmed", "warn", notConfirmed, chosen},
		{"waiting about checks", allOf(phaseIs(record.Awaiting), guardIs("checks")), "waiting for you", "warn", waitingAboutChecks, answerIt},
		{"waiting", phaseIs(record.Awaiting), "waiting for you", "warn", waiting, answerIt},
		{"not answered", allOf(phaseIs(record.HeldPhase), guardIs(record.ApprovalExpired)), "nobody answered", "warn", notAnswered, chosen},
		{"external change", allOf(phaseIs(record.HeldPhase), guardIs("manual_override")), "held: external change", "warn", external, chosen},
		{"observed, shared", allOf(phaseIs(record.HeldPhase), guardIs("observe"), unhealthyBoth), "observed", "warn", observedShared, chosen},
		{"observed", allOf(phaseIs(record.HeldPhase), guardIs("observe")), "observed", "warn", observed, chosen},
		{"no data", allOf(phaseIs(record.HeldPhase), guardIs("blind")), "held: no data", "warn", noData, chosen},
		{"held", phaseIs(record.HeldPhase), "held", "warn", held, chosen},
		{"frozen, shared", allOf(phaseIs(record.Frozen), unhealthyBoth), "the release is not the cause", "warn", wrongCause, chosen},
		{"frozen", phaseIs(record.Frozen), "promotion frozen", "warn", frozen, chosen},

		{"rejected", allOf(isOver, wasRejected), "rejected", "open", rejected, over},
		{"split settled", allOf(isOver, guardIs("manual_override")), "closed", "open", splitSettled, over},
		{"cleared", allOf(isOver, guardIs("not_confirmed")), "not confirmed, closed", "open", cleared, over},
		{"closed after a rollback", allOf(isOver, hasActed), "closed without a verdict", "warn", closedUnproved, lookAtService},
		{"closed", isOver, "closed by a human", "open", closed, over},
		{"other", func(record.Incident) bool { return true }, "in a state of another version", "warn", other, lookAtService},
	}
}

// situationOf finds the incident's.
func situationOf(inc record.Incident) situation {
	for _, s := range situations() {
		if s.is(inc) {
			return s
		}
	}
	return situation{} // not reached: the last one fits all
}

type fits = func(record.Incident) bool

func allOf(all ...fits) fits {
	return func(inc record.Incident) bool {
		for _, is := range all {
			if !is(inc) {
				return false
			}
		}
		return true
	}
}

func phaseIs(p record.Phase) fits { return func(inc record.Incident) bool { return inc.Phase == p } }

func guardIs(name string) fits {
	return func(inc record.Incident) bool { return inc.Decision.Guard == name }
}

func verdictIs(o record.Outcome) fits {
	return func(inc record.Incident) bool { return inc.Verdict != nil && inc.Verdict.Outcome == o }
}

func afterRecovery(business record.Outcome) fits {
	return func(inc record.Incident) bool {
		return verdictIs(record.Recovered)(inc) && inc.Business != nil && inc.Business.Outcome == business
	}
}

func hasVerdict(inc record.Incident) bool { return inc.Verdict != nil }

func hasActed(inc record.Incident) bool { return !inc.ActedAt.IsZero() }

func isOver(inc record.Incident) bool {
	return inc.Phase == record.Done || inc.Phase == record.Settled
}

// wasRejected: nothing happened after somebody's no.
func wasRejected(inc record.Incident) bool {
	return !inc.RejectedAt.IsZero() && !inc.RejectedAt.Before(inc.ClosedAt)
}

// stillServed: the candidate was never drained, so that what users get says nothing of the stable version.
func stillServed(inc record.Incident) bool { return inc.DrainedAt.IsZero() }

func notFollowed(inc record.Incident) bool { return !inc.NotAppliedAt.IsZero() }

func notGood(inc record.Incident) bool { return inc.Health == record.Bad }

func unjudged(inc record.Incident) bool { return inc.Breach.Unjudged() }

func unhealthyBoth(inc record.Incident) bool { return inc.Breach.StableUnhealthy }
