// Package exporters holds tests only: samples shaped like those of real servers and
// exporters, played through Prometheus' engine, the generated rules, the monitor and the
// verification.
package exporters
