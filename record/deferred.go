package record

import (
	"strings"
	"time"
)

// A DeferredWrite is a write of a release's change that the store's transaction cannot hold, because
// its keys are kept in another place. The transaction that decides the change commits it with
// the release; it is then carried out by check-and-set at its place, by whichever replica comes
// first, and leaves the release once it stands there. Those of a release are carried out in
// their order.
type DeferredWrite struct {
	Op    string      `json:"op"`              // of the transaction that decided it
	Place string      `json:"place"`           // what stands before the :// of its keys; empty: the store's own, which are flags
	Keys  []KeyChange `json:"keys"`            // as they were planned; it is planned anew when it is written
	After Condition   `json:"after,omitempty"` // what must be so before it is written
	// Ours are the splits that may be found until it is written: the one before it, and those of
	// older writes it took the place of, which may still land. Nil: it does not write the split.
	Ours    []Split   `json:"ours,omitempty"`
	Since   time.Time `json:"since"`
	Problem string    `json:"problem,omitempty"` // why the last try did not write it
}

// A Condition is what a pending write waits for. Empty: nothing.
type Condition string

// AfterApplied waits until no router serves the split before this one any more.
const AfterApplied Condition = "applied"

// Where names the keys, for people.
func (w DeferredWrite) Where() string {
	var keys []string
	for _, k := range w.Keys {
		keys = append(keys, k.Key)
	}
	if len(keys) == 0 {
		return w.Place
	}
	return strings.Join(keys, ", ")
}

// NotYet says that it is not written yet, and why if that is known.
func (w DeferredWrite) NotYet() string {
	switch {
	case w.Problem == "" && w.After == AfterApplied:
		return w.Where() + " is not written yet: it waits until no request reaches the candidate any more"
	case w.Problem == "":
		return w.Where() + " is not written yet"
	}
	return w.Where() + " is not written yet: " + w.Problem
}

// Unwritten is the pending write of the release's split; nil: the router has been told.
func (r Release) Unwritten() *DeferredWrite {
	for n := range r.Pending {
		if r.Pending[n].Ours != nil {
			return &r.Pending[n]
		}
	}
	return nil
}

// FlagsPending is the pending write that switches the candidate's flags off in the store itself;
// nil: there is none. It leaves the release in the transaction that carries it out.
func (r Release) FlagsPending() *DeferredWrite {
	for n := range r.Pending {
		if r.Pending[n].Place == "" {
			return &r.Pending[n]
		}
	}
	return nil
}
