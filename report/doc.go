// Package report tells people and other programs what happened: the journal, the
// incident page, the evidence folder, signed approval links, and messages out.
//
// It never decides, never moves traffic, never reads the store, and never takes an
// address to call from a request or an alert: only from configuration.
package report
