// Package backtest replays the past through the daemon's own counting, analysis and rules:
// backtests of releases that were, and calibrations with releases of nothing.
//
// It never writes history; it writes nothing but temporary folders.
package backtest
