package ofrep

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/store"
)

// A Target is a service in a region, and where its documents stand.
type Target struct {
	Service, Region string
	Prefix          string // with a slash at its end
	Store           store.Store
}

const (
	// refreshEvery is how often every document is read again: that they are up to date is known,
	// and not only hoped, whatever became of a watch.
	refreshEvery = 2 * time.Second
	// readAtOnce is how many prefixes one read asks for; Consul takes 64 in one transaction.
	readAtOnce = 32
	// maxWatches is how many are watched at once: each is a connection, of which Consul takes 200
	// from one address. The others are as old as the last refresh.
	maxWatches = 64
	watchAgain = time.Second // pause after a watch that failed
)

// A Memory has the documents of every target.
type Memory struct {
	targets func() []Target
	log     *zap.Logger

	mu    sync.RWMutex
	known map[Target]*memo
}

// A memo is what is known of one target.
type memo struct {
	entries []store.Entry
	changes int // of entries
	view    View
}

// NewMemory keeps the documents of the targets, which may be others at each call.
func NewMemory(targets func() []Target, log *zap.Logger) *Memory {
	return &Memory{targets: targets, log: log, known: map[Target]*memo{}}
}

// Targets are those that are kept, in the order in which they were given.
func (m *Memory) Targets() []Target { return m.targets() }

// View is what is known of a target. Of one that is not kept it is empty, and never read.
func (m *Memory) View(t Target) View {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if k, ok := m.known[t]; ok {
		return k.view
	}
	return View{Service: t.Service, Region: t.Region}
}

// Run keeps the documents up to date until ctx ends, and then returns nil.
func (m *Memory) Run(ctx context.Context) error {
	watching := map[Target]context.CancelFunc{}
	var watches sync.WaitGroup
	defer watches.Wait()
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		targets := m.targets()
		m.forget(targets)
		for t, stop := range watching {
			if !slices.Contains(targets, t) {
				stop()
				delete(watching, t)
			}
		}
		m.refresh(ctx, targets)
		for _, t := range targets {
			if watching[t] == nil && len(watching) < maxWatches {
				within, stop := context.WithCancel(ctx)
				watching[t] = stop
				watches.Go(func() { m.watch(within, t) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// forget drops what is kept of targets that are gone.
func (m *Memory) forget(targets []Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t := range m.known {
		if !slices.Contains(targets, t) {
			delete(m.known, t)
		}
	}
}

// refresh reads every target again, those of one store together.
func (m *Memory) refresh(ctx context.Context, targets []Target) {
	var reads sync.WaitGroup
	byStore := map[store.Store][]Target{}
	for _, t := range targets {
		byStore[t.Store] = append(byStore[t.Store], t)
	}
	for st, all := range byStore {
		reads.Go(func() {
			for some := range slices.Chunk(all, readAtOnce) {
				m.read(ctx, st, some)
			}
		})
	}
	reads.Wait()
}

func (m *Memory) read(ctx context.Context, st store.Store, targets []Target) {
	var prefixes []string
	var seen []int
	for _, t := range targets {
		prefixes, seen = append(prefixes, t.Prefix), append(seen, m.changes(t))
	}
	at := time.Now()
	snap, err := st.Read(ctx, prefixes...)
	if err != nil {
		if ctx.Err() == nil {
			m.log.Warn("read flags", zap.Error(err))
		}
		return
	}
	for n, t := range targets {
		m.take(t, seen[n], snap.Under(t.Prefix), at)
	}
}

// watch takes what changes under a target's prefix when it does, until ctx ends.
func (m *Memory) watch(ctx context.Context, t Target) {
	after := uint64(0)
	for ctx.Err() == nil {
		seen := m.changes(t)
		snap, err := t.Store.Watch(ctx, t.Prefix, after)
		switch {
		case err != nil:
			after = 0 // whatever was missed is read at once
			select {
			case <-ctx.Done():
			case <-time.After(watchAgain):
			}
		case m.take(t, seen, snap.Entries, time.Now()):
			after = snap.Index
		default:
			after = 0
		}
	}
}

func (m *Memory) changes(t Target) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if k := m.known[t]; k != nil {
		return k.changes
	}
	return 0
}

// take keeps what was read at that moment, unless something else was taken since it was asked
// for: two readers must not put the older over the newer. It reports whether it did.
func (m *Memory) take(t Target, seen int, entries []store.Entry, at time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known[t]
	if k == nil {
		k = &memo{}
		m.known[t] = k
	}
	if k.changes != seen {
		return false
	}
	if k.changes == 0 || !slices.EqualFunc(k.entries, entries, sameEntry) {
		k.changes++
		k.entries = slices.Clone(entries)
		k.view = View{Service: t.Service, Region: t.Region, Documents: Documents(entries, t.Prefix)}
	}
	if at.After(k.view.ReadAt) {
		k.view.ReadAt = at
	}
	return true
}

func sameEntry(a, b store.Entry) bool {
	return a.Key == b.Key && string(a.Value) == string(b.Value)
}
