// Package promtest generates the unit tests of a runbook's rules, for "promtool test
// rules": scenarios closely above and closely below what each alert asks.
//
// It computes what must fire and when; it never reads that off the rules or Prometheus.
package promtest
