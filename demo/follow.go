package demo

import (
	"context"
	"time"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/store"
)

// watchAgain is how long a follower waits after a store that did not answer.
const watchAgain = 250 * time.Millisecond

// follow hands over what is under the prefix, first at once and then after each change,
// until ctx ends. A store that does not answer is asked again after a pause, as real
// routers and servers do: meanwhile nothing is handed over, so what was read last stays
// in force.
func follow(ctx context.Context, s store.Store, prefix string, take func(store.Snapshot)) {
	after := uint64(0)
	for ctx.Err() == nil {
		snap, err := s.Watch(ctx, prefix, after)
		if err != nil {
			after = 0 // whatever was missed is read at once
			_ = gameday.Pause(ctx, watchAgain)
			continue
		}
		after = snap.Index
		take(snap)
	}
}
