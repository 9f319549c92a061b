// Package shadow says whether a candidate may take traffic, before it takes any: it
// replays a sampled recording to both versions or joins two logs of the same hours,
// compares the answers field by field, and writes a report with a verdict.
//
// It never stands in the path of a request, never moves traffic and never writes to
// the store. Everything streams: memory is bounded by the plan's limits, not by the
// length of a recording.
//
//	recording ──▶ Replay ──┐
//	                       ├──▶ pairs ──▶ Compare ──▶ Report ──▶ Gate
//	two logs  ──▶ Join  ───┘
package shadow
