// Package gameday plays scored drills: something is broken on purpose, and what the daemon
// does about it is measured against what the scenario expects. It holds the scenarios, the
// score with its reports, and the environment outside of this process; the embedded one is
// package demo.
//
// It never writes anything but the start of the release, through the daemon's API, and the
// calls that a scenario names; and it never links Prometheus' engine.
package gameday
