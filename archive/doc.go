// Package archive brings sealed evidence into the archive, a folder or a bucket that outlives the daemon's
// machine, and removes from this machine what is old and in there. The helper program does the copying,
// see package keeper.
//
// An incident is archived once the helper has read back every file that its manifest names, and not
// before. It never delays a rollback, never copies a folder that differs from what the incident's record
// says was sealed, and never removes evidence of an incident that is open, or that is not read back from the archive first.
package archive
