// Package engine is the reconcile loop: it reads the state of one service in one region,
// steps it (package lifecycle says what becomes of it), commits what changed in one
// check-and-set transaction, and carries out the effects the new state asks for.
//
// Effects are a function of the committed state alone, so a process that died at any
// point is resumed by reading the state again. Any number of replicas may run: a lost
// race is read again and decided again.
//
// What a transaction cannot hold, because its keys are kept in another place (store.Place), is
// committed as a pending write of the release and carried out afterwards, by check-and-set at an
// index that was read together with the record which asks for it. So a writer that was held up on
// its way, or one that has read an older record, cannot land over a newer write.
//
// It holds no lock across processes, never acts on an alert that Prometheus does not
// confirm, and never writes a split over one that somebody else wrote.
package engine
