// Package runbook holds the nouns of autorollback: the runbook a team writes for
// one model service, and what happens to a release of that service: alert, breach,
// incident, decision, change, verdict, record. It loads and checks runbook and
// release files.
//
// It never does I/O beyond reading files, starts nothing and reads no clock.
package runbook
