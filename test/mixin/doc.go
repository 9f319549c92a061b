// Package mixin makes the Grafana dashboards in the folder mixin from tables of panels, and its
// tests hold them and the alerts beside them against promtool, and against a real Prometheus
// that scrapes a real daemon. Nothing of it ever enters the daemon.
package mixin
