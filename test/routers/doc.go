// Package routers tests what users meet when a split changes, at every real router that
// autorollback writes for: how long a candidate is still served after a rollback was written,
// that no router ever shows half of a write, and that users stay on their side of a split.
// The routers run as the repository's examples and docs set them up. It serves tests alone.
package routers
