// Package rules compiles runbooks into Prometheus rules, one alert for each trigger,
// and builds the questions that the daemon asks about them. Every expression it
// hands out has been parsed.
//
// It never asks Prometheus anything but which rules are loaded, never writes a file
// and decides nothing.
package rules
