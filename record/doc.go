// Package record has the nouns that are written down at run time: a Release, an Alert as
// it was received, the Breach that Prometheus confirmed, the Incident with its Decision,
// Change and Verdict, the Approval, and what was seen of rules. They are the JSON values of
// the store and of the evidence. What a team configures is in package runbook, and what is
// computed from the records for people and machines in package view. It never reads or writes
// anything.
package record
