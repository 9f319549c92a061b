// Package lifecycle says what becomes of a release, its incident and its mirror: [Step] takes
// one event to the state of a target, and [Effects] says what the new state asks to have done.
//
// An incident moves along these edges and no others:
//
//	(new)        unconfirmed, held, frozen, awaiting, acted
//	unconfirmed  held, frozen, awaiting, acted; closed if it turns out not to be true
//	held         frozen, awaiting, acted; closed if a human lets the release continue,
//	             resumes the ramp or puts the split back, or unconfirmed if an alert comes with that
//	frozen       awaiting, acted; held if somebody changes the split; closed if a human resumes the ramp
//	awaiting     acted; held if nobody answers or somebody changes the split; closed if a human says no
//	acted        verifying; settled at the deadline
//	verifying    settled
//	settled      closed
//	closed       as (new), if no traffic was moved and no human has said no to this
//
// A decision takes the place of another only if it is stronger: hold, freeze, ask, roll
// back. So triggers that fire together do not take turns, and none pages at each look.
//
// A release whose runbook has a rollout goes up its ramp: each step is one transaction of
// weights, flags and release, taken by a human, by the daemon, or by the daemon once a
// human has said yes. It is taken only if a rollback is possible right now and nothing
// objects; what objects is written down in words ([record.Release].Waiting). With all
// traffic and the bake time over, the release is closed and its candidate is the last
// known good. From every step a breach leads to 0 in one transaction.
//
// It is pure: it does no I/O, knows no clock, and never decides: package policy does.
package lifecycle
