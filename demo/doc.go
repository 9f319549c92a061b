// Package demo is the embedded world, in one process: HTTP model servers with real
// metrics, a router that follows its weights in the store, steady client traffic, and a
// real Prometheus engine that scrapes them and evaluates the generated rules.
//
// It never touches anything outside the process but loopback addresses and the folder that
// it is given, and nothing in the daemon knows of it.
package demo
