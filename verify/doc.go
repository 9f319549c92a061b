// Package verify asks Prometheus: is the breach true now, has the candidate lost its
// traffic, what do users get. An answer that is missing, stale, partial, too late or
// not a number is never good and never a breach. Stored predictions are asked of the
// service itself.
//
// It never writes anything, never remembers an answer, never asks twice what got no
// answer, and decides nothing about traffic.
package verify
