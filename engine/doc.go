// Package engine is the belt: a pure reducer, [Step], and the loop that reads the
// state of one service in one region, steps it, commits what changed in one
// check-and-set transaction, and carries out the effects the new state asks for.
//
// An incident moves along these edges and no others:
//
//	(heard) ──▶ unconfirmed ──▶ held ◀──▶ awaiting ──▶ acted ──▶ verifying ──▶ settled ──▶ closed
//	                 │            │           │  ▲        ▲
//	                 └────────────┴─▶ frozen ─┴──┴────────┘
//
// Effects are a function of the committed state alone, so a process that died at any
// point is resumed by reading the state again. Any number of replicas may run: a lost
// race is read again and decided again.
//
// It holds no lock across processes, never acts on an alert that Prometheus does not
// confirm, and never writes a split over one that somebody else wrote.
package engine
