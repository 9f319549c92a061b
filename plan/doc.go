// Package plan says what each trigger of a runbook can decide at each step of a rollout,
// at the traffic there is, and how long that takes: before a release, and for the least
// time that a ramp's step must last. It finds what is valid in a runbook and yet will not
// do what it reads like.
//
// It is arithmetic, that of package analysis: it never asks Prometheus, reads no clock and
// promotes nothing.
package plan
