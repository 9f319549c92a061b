// Package attack has no code of its own: its tests start the daemon as it is built for users, attack
// each of its inputs, and meanwhile scrape it, sign in and call its webhook as Prometheus, people and
// Alertmanager do. It prints a table of the memory and the times that it measures.
package attack
