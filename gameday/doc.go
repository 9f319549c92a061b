// Package gameday is the demo world, in one process: HTTP model servers with real
// metrics, a router that follows its weights in the store, steady client traffic, and
// a real Prometheus engine that scrapes them and evaluates the generated rules. With
// the same engine it replays the past: backtests of releases that were, and
// calibrations with releases of nothing.
//
// It never touches anything outside the process but loopback addresses, the history
// that a replay is told to read, and temporary folders. It never writes history, and
// nothing in the daemon knows of it.
package gameday
