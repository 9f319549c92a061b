// Package mixin makes the Grafana dashboards in the folder mixin from tables of panels, and its
// tests hold them, and with promtool the alerts beside them. Nothing of it ever enters the daemon.
package mixin
