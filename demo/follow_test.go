package demo

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// moods is a store whose watches end as the test says, one after the other; when all are
// told, they wait.
type moods struct {
	store.Store
	told  []func(after uint64) (store.Snapshot, error)
	asked []time.Duration // when, since the test began
	began time.Time
}

func (m *moods) Watch(ctx context.Context, _ string, after uint64) (store.Snapshot, error) {
	m.asked = append(m.asked, time.Since(m.began))
	if len(m.told) == 0 {
		<-ctx.Done()
		return store.Snapshot{}, ctx.Err()
	}
	next := m.told[0]
	m.told = m.told[1:]
	return next(after)
}

var errNoLeader = errors.New("no cluster leader")

func answers(key, doc string, index uint64) func(uint64) (store.Snapshot, error) {
	return func(uint64) (store.Snapshot, error) {
		return store.Snapshot{Index: index, Entries: []store.Entry{{Key: key, Value: []byte(doc), Index: index}}}, nil
	}
}

func fails(uint64) (store.Snapshot, error) { return store.Snapshot{}, errNoLeader }

// A store that does not answer is asked again, with a pause and from the beginning;
// meanwhile the last good split and the last good flags are in force. It ends with ctx.
func TestFollowersOutliveTheStore(t *testing.T) {
	codec, err := actuators.For(runbook.Routing{Router: runbook.JSONKey, Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	r, p := &Router{codec: codec, key: "k", mirror: newMirroring()}, &Pod{}
	tests := map[string]struct {
		good, bad, next string
		follow          func(context.Context, store.Store) error
		inForce         func() string
		want, wantNext  string
	}{
		"router": {`{"weights":{"a":100}}`, `{"weights":`, `{"weights":{"b":100}}`,
			func(ctx context.Context, s store.Store) error { r.store = s; return r.Follow(ctx) }, func() string { return r.Split().String() }, "a 100", "b 100"},
		"pod": {`{"flags":{"encoder":"v4"}}`, `{"flags":`, `{"flags":{"encoder":"v5"}}`,
			func(ctx context.Context, s store.Store) error { return p.Follow(ctx, s, "k") }, func() string { return *p.encoder.Load() }, "v4", "v5"},
		"pod of a bundle that was rolled back": {`{"flags":{"encoder":"v5"}}`, `{"flags":{"encoder":"v4"},"quarantined":true}`, `{"flags":{"encoder":"v6"},"quarantined":false}`,
			func(ctx context.Context, s store.Store) error { return p.Follow(ctx, s, "k") }, func() string { return *p.encoder.Load() }, "v5", "v6"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				still := func(index uint64) func(uint64) (store.Snapshot, error) {
					return func(after uint64) (store.Snapshot, error) {
						if got := tt.inForce(); got != tt.want {
							t.Errorf("%s is in force, want %s", got, tt.want)
						}
						if after != index {
							t.Errorf("watches after %d, want %d", after, index)
						}
						return fails(after)
					}
				}
				m := &moods{began: time.Now(), told: []func(uint64) (store.Snapshot, error){
					fails, answers("k", tt.good, 7), still(7), still(0), answers("k", tt.bad, 8), still(8), answers("k", tt.next, 9)}}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- tt.follow(ctx, m) }()
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := tt.inForce(); got != tt.wantNext {
					t.Errorf("%s is in force, want %s", got, tt.wantNext)
				}
				if n, late := len(m.asked), m.asked[len(m.asked)-1]; n != 8 || late != 4*watchAgain {
					t.Errorf("asked %d times, the last after %s; want 8, with a pause after each of 4 failures", n, late)
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A store that was closed answers every watch with an error at once: the follower
// neither spins nor outlives its context.
func TestFollowersOfAClosedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moods{began: time.Now()}
		for range 1000 {
			m.told = append(m.told, fails)
		}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if err := (&Pod{}).Follow(ctx, m, "k"); err != nil {
			t.Error(err)
		}
		if took := time.Since(m.began); took != 10*time.Second {
			t.Errorf("ended after %s", took)
		}
		if n := len(m.asked); n > 41 {
			t.Errorf("asked %d times in ten seconds", n)
		}
	})
}
