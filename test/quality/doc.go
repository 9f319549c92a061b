// Package quality measures what package analysis decides: how often it rolls back a good
// release, how soon it finds a bad one, and how other tools' decision rules do on the
// same traces. Traces come from a seeded generator that is told by scenario files, or
// from other people's CSV. It serves tests and `make quality` alone, and never decides
// anything about a real release.
package quality
