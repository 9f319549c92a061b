// Package e2e tests the real program with a real Consul, Prometheus and Alertmanager:
// whole stories from the breach to the incident page.
//
// A story is told by webhook and watcher together unless it is about one of them; -by
// webhook and -by watcher tell each by one source alone.
//
// It never looks inside the daemon: it reads the API, Consul's keys and the evidence.
package e2e
