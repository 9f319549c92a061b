package regions

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
)

const (
	readEvery  = 2 * time.Second
	readWithin = 3 * time.Second
)

// A Source is a store and the regions whose it is; none: of all.
type Source struct {
	Regions []string
	Store   store.Store
}

// Stores reads the stores of all regions again and again, and knows what each said the last time.
type Stores struct {
	sources []Source

	mu     sync.Mutex
	states []record.StoreState
}

// NewStores knows nothing yet of any of the sources.
func NewStores(sources ...Source) *Stores {
	s := &Stores{sources: sources}
	for _, from := range sources {
		s.states = append(s.states, record.StoreState{Regions: from.Regions})
	}
	return s
}

// Stores is what each store said when it was last read.
func (s *Stores) Stores() []record.StoreState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.states)
}

// Run reads until ctx ends. A store that does not answer delays no other.
func (s *Stores) Run(ctx context.Context) error {
	var g errgroup.Group
	for n := range s.sources {
		g.Go(func() error {
			t := time.NewTicker(readEvery)
			defer t.Stop()
			for {
				s.read(ctx, n)
				select {
				case <-ctx.Done():
					return nil
				case <-t.C:
				}
			}
		})
	}
	return g.Wait()
}

// read asks one store. One that does not answer keeps what it said before, and its moment.
func (s *Stores) read(ctx context.Context, n int) {
	from := s.sources[n]
	within, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	began := time.Now()
	state, err := engine.ReadState(within, from.Store)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.states[n].Problem = err.Error()
		return
	}
	state.Regions, state.At = from.Regions, began
	s.states[n] = state
}
