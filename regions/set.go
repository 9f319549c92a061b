package regions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// A Member is the engine of one region.
type Member struct {
	Region     string // empty: the only member, which has all regions
	Prometheus string // what tells its Prometheus from those of others
	Engine     *engine.Engine
}

// A Set is the engines of all regions of one daemon, as one.
type Set struct {
	members []Member
	stores  *Stores
	log     *zap.Logger

	mu       sync.RWMutex
	runbooks map[string]*runbook.Runbook // by service, with all of their regions
}

// New makes a set of one or more members that rest on the same stores.
func New(stores *Stores, members []Member, runbooks []*runbook.Runbook, log *zap.Logger) *Set {
	s := &Set{members: members, stores: stores, log: log}
	s.know(runbooks)
	return s
}

// Run runs the engines until ctx ends, and returns once what was begun is done.
func (s *Set) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.stores.Run(ctx) })
	g.Go(func() error { return s.carryOut(ctx) })
	for _, m := range s.members {
		g.Go(func() error { return m.Engine.Run(ctx) })
	}
	return g.Wait()
}

// Reload replaces the runbooks, all or none.
func (s *Set) Reload(runbooks []*runbook.Runbook) error {
	for _, m := range s.members {
		if err := m.Engine.Check(runbooks); err != nil {
			return err
		}
	}
	for _, m := range s.members {
		if err := m.Engine.Reload(runbooks); err != nil {
			return err
		}
	}
	s.know(runbooks)
	return nil
}

func (s *Set) know(runbooks []*runbook.Runbook) {
	all := map[string]*runbook.Runbook{}
	for _, rb := range runbooks {
		all[rb.Service] = rb
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runbooks = all
}

// Runbook returns the runbook of a service, with all of its regions.
func (s *Set) Runbook(service string) (*runbook.Runbook, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rb, ok := s.runbooks[service]
	return rb, ok
}

// RunbookIn is the runbook as its region's engine has it.
func (s *Set) RunbookIn(service, region string) (*runbook.Runbook, bool) {
	rb, ok := s.member(region).Engine.Runbook(service)
	if ok && rb.Routing.Regional() {
		rb = rb.In(region)
	}
	return rb, ok
}

// member is the region's, or the first one, whose engine says what is wrong with the region.
func (s *Set) member(region string) Member {
	for _, m := range s.members {
		if m.Region == "" || m.Region == region {
			return m
		}
	}
	return s.members[0]
}

// region is the one that is meant by what somebody wrote: none, where there is one only.
func (s *Set) region(service, region string) (string, error) {
	rb, ok := s.Runbook(service)
	switch {
	case !ok || rb.HasRegion(region):
		return region, nil // the engine says that there is no such service
	case region != "" && region != runbook.DefaultRegion:
		return region, fmt.Errorf("region %s of %s: %w (it runs in %s)", region, service, runbook.ErrNotFound, strings.Join(rb.Regions, ", "))
	case len(rb.Regions) == 1:
		return rb.Regions[0], nil
	}
	return region, runbook.Refuse("%s runs in %s: name one of them with --region", service, strings.Join(rb.Regions, ", "))
}

// An answer is what one member said.
type answer[T any] struct {
	Member
	Says T
	Err  error
}

// askWithin is how long one region may take to answer where others are asked as well.
const askWithin = 4 * time.Second

// ask asks every member at the same time. One that does not answer delays the others a little.
func ask[T any](ctx context.Context, s *Set, question func(context.Context, *engine.Engine) (T, error)) []answer[T] {
	return askOf(ctx, s.members, question)
}

// askStores asks one member of each store.
func askStores[T any](ctx context.Context, s *Set, question func(context.Context, *engine.Engine) (T, error)) []answer[T] {
	var holders []Member
	for _, st := range s.stores.Stores() {
		for _, m := range s.members {
			if m.Region == "" || st.Has(m.Region) {
				holders = append(holders, m)
				break
			}
		}
	}
	return askOf(ctx, holders, question)
}

func askOf[T any](ctx context.Context, members []Member, question func(context.Context, *engine.Engine) (T, error)) []answer[T] {
	if len(members) > 1 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, askWithin)
		defer cancel()
	}
	all := make([]answer[T], len(members))
	var g errgroup.Group
	for n, m := range members {
		g.Go(func() error {
			says, err := question(ctx, m.Engine)
			all[n] = answer[T]{m, says, err}
			return nil
		})
	}
	_ = g.Wait() // each answer has its own problem
	return all
}

// first is the answer of the member that has what was asked for. Where none has, one that did not
// answer may.
func first[T any](all []answer[T]) (T, error) {
	var worst answer[T]
	for _, a := range all {
		if a.Err == nil {
			return a.Says, nil
		}
		if worst.Err == nil || errors.Is(worst.Err, runbook.ErrNotFound) {
			worst = a
		}
	}
	return worst.Says, named(worst)
}

// named is a member's error with its region.
func named[T any](a answer[T]) error {
	if a.Err == nil || a.Region == "" || errors.Is(a.Err, runbook.ErrNotFound) {
		return a.Err
	}
	return fmt.Errorf("region %s: %w", a.Region, a.Err)
}

// everywhere is an order that each region carries out: an error names those that did not, and
// says that the others did.
func everywhere[T any](all []answer[T]) error {
	var done, missing []string
	var errs []error
	for _, a := range all {
		switch {
		case a.Err == nil:
			done = append(done, a.Region)
		case errors.Is(a.Err, runbook.ErrNotFound):
			missing = append(missing, a.Region)
			errs = append(errs, a.Err)
		default:
			errs = append(errs, named(a))
		}
	}
	switch {
	case len(errs) == len(missing) && (len(done) > 0 || len(errs) == 0):
		return nil
	case len(done) == 0 && len(errs) == len(missing):
		return errs[0]
	case len(done) == 0:
		return errors.Join(errs...)
	}
	return fmt.Errorf("%w: done in %s, but not everywhere: %w", runbook.ErrLater, strings.Join(done, ", "), errors.Join(errs...))
}

// unique leaves out what is equal to something before.
func unique[T any](all []T, key func(T) string) []T {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(one T) bool {
		k := key(one)
		was := seen[k]
		seen[k] = true
		return was
	})
}

// progress is how far releases through several regions have come, with what this process knows
// of starts that were refused.
func (s *Set) progress(now time.Time) []view.Progress {
	all := view.ProgressOf(s.stores.Stores(), now)
	for _, p := range all {
		for n, step := range p.Steps {
			why := s.member(step.Region).Engine.WhyNotStarted(engine.Target{Service: p.Service, Region: step.Region}, p.Plan)
			p.Steps[n].Text = cmp.Or(why, step.Text)
		}
	}
	return all
}
