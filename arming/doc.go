// Package arming asks Prometheus, for an open release, whether each trigger of its runbook
// can fire at all: the declared series are there and mean what the runbook says, each pod
// counts once, what the daemon exports arrives under the labels that the rules use, and
// rules, clocks and intervals fit. What it finds is a [rules.Drift] of a kind of its own,
// with what to do about it.
//
// It never decides anything, never says a word about whether a release is good, and
// remembers nothing but its questions, which the next check asks as one.
package arming
