// Package shadow holds the nouns of an offline comparison, made before a candidate takes
// any traffic: a recorded request, a pair of answers, the plan by which they are compared
// and the gate, the verdict as a release's start asks for it.
//
// It never sends a request, compares nothing and reads no recording: that is done by
//
//	recording ──▶ replay ──┐
//	                       ├──▶ pairs ──▶ diff ──▶ report, gate
//	two logs  ──▶ join  ───┘
//
// None of them stands in the path of a request, moves traffic or writes to the store.
// Everything streams: memory is bounded by the plan's limits, not by the length of a
// recording.
package shadow
