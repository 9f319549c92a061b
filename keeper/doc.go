// Package keeper starts the helper program autorollback-keeper, which keeps what must outlive the
// daemon's machine, and is the protocol between the two: one JSON request on standard input, one
// JSON answer on standard output, and the exit code.
//
// It links no object store and no registry: the helper does, so that the daemon stays lean. It never
// puts a secret into an argument, never tries again, and never decides what is kept.
package keeper
