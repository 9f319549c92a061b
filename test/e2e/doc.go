// Package e2e tests the real program with a real Consul, Prometheus and Alertmanager:
// whole stories from the breach to the incident page.
//
// It never looks inside the daemon: it reads the API, Consul's keys and the evidence.
package e2e
