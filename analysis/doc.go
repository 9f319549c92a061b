// Package analysis holds the candidate of a release against its stable version: counts
// per pod and interval in; effect, significance and smallest provable effect out. It is
// the only statistic of autorollback: the daemon, backtests, calibration and the quality
// suite all use it.
//
// It is pure: it reads no clock and does no I/O, knows no PromQL, and decides nothing.
package analysis
