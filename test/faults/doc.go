// Package faults is the fault harness: three replicas of the real engine, store, actuators,
// outbox and journal on a Consul, a Prometheus, an Alertmanager, a network, a clock and people
// that are simulated, with faults drawn from a seed. What was committed is then held to the
// invariants that README.md lists.
//
// It decides nothing that the engine decides, and never reads a real clock: time is that of a
// synctest bubble. A seed gives the same run again.
package faults
