// Package path shows that the whole path through a real Prometheus decides as package
// analysis does alone: scenarios of the quality suite are backfilled as raw counters, the
// monitor counts them through the query API, what it found is backfilled as the daemon
// would have exported it, and the generated alerts are evaluated over it. It serves tests
// alone.
package path
