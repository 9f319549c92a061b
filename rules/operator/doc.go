// Package operator writes rules and the Alertmanager route as resources of the Prometheus Operator. It
// never talks to a cluster, and knows nothing of rules that package rules does not say.
package operator
