// Package docs has only tests: they hold pages of the documentation against the code, and
// make docs/runbook.md from it with -update. It never runs the program.
package docs
