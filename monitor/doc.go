// Package monitor follows every open release: each interval, raw samples of both sides
// become counts per pod, which [analysis] judges.
//
// The counter in it is pure: it reads no clock, asks nobody and never guesses. It does not
// extrapolate, so that what it counts are events that happened.
package monitor
