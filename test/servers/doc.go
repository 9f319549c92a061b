// Package servers starts real servers (Consul, Prometheus, Alertmanager,
// Traefik, fabio, consul-template, HAProxy, nginx) on free loopback ports for
// the length of a test, and a proxy that loses answers between a client and
// one of them. It never builds, downloads or skips: a server that has not been
// built by the script beside this file, or is not on the system, fails the
// test. It never touches a process that it did not start, and
// nothing outside tests may import it.
//
// Every function and method here belongs to the test's own goroutine.
package servers
