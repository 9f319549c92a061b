package monitor

import (
	"context"
	"time"
)

// A Replica watches one release with a clock that somebody else keeps: for tools and
// tests. It counts, asks and computes as [Monitor.Watch] does.
type Replica struct{ watch *watch }

// Replica begins to watch a release; nothing is asked yet.
func (m *Monitor) Replica(t Target) *Replica {
	return &Replica{newWatch(m, t, func() {})}
}

// CatchUp counts every interval that has ended by a moment and returns what is known then.
func (r *Replica) CatchUp(ctx context.Context, now time.Time) (Snapshot, error) {
	err := r.watch.catchUp(ctx, now)
	return r.watch.snapshot(), err
}
