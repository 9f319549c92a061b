// Package followup writes what comes after an incident, as files for people to edit: the
// post-incident review, a draft of the trigger that would have fired earlier with how often it
// would have fired before, and the ramp for the next try. All of it is computed by the analysis
// that the daemon decides with.
//
// It never decides, never changes a runbook, reads no clock, and asks nobody: history is brought to it.
package followup
