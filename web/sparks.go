package web

import (
	"context"
	"html/template"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web/cards"
)

const (
	sparksFor    = 10 * time.Second // all readers are shown the same small curves
	sparksWithin = 2 * time.Second  // a page does not wait longer for them, and goes without
	sparksAtOnce = 4                // targets that are asked about
)

// A spark is how a trigger stood lately.
type spark struct {
	Picture template.HTML
	Value   string // the newest, in words; empty: not known
}

// sparks keeps the small curves of targets that were shown lately, by target and trigger.
type sparks struct {
	mu   sync.Mutex
	kept map[string]sparkSet
}

type sparkSet struct {
	at time.Time
	of map[string]spark
}

// lookup is what is kept of a target; false: it is to be asked for.
func (s *sparks) lookup(id string) (map[string]spark, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, ok := s.kept[id]
	return set.of, ok && time.Since(set.at) < sparksFor
}

// keep remembers a target's, and forgets all that nobody has looked at for long.
func (s *sparks) keep(id string, of map[string]spark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]sparkSet{}
	}
	for other, set := range s.kept {
		if time.Since(set.at) > 10*sparksFor {
			delete(s.kept, other)
		}
	}
	s.kept[id] = sparkSet{time.Now(), of}
}

// sparkle adds to the cards of open releases how each trigger stands against its limit.
func (s *server) sparkle(ctx context.Context, all []cardView) {
	ctx, cancel := context.WithTimeout(ctx, sparksWithin)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(sparksAtOnce)
	for n := range all {
		if c := &all[n]; c.Open {
			g.Go(func() error {
				c.Sparks = s.sparksOf(ctx, c.Card)
				return nil
			})
		}
	}
	_ = g.Wait() // what is not known is not shown
}

func (s *server) sparksOf(ctx context.Context, c cards.Card) map[string]spark {
	old, fresh := s.sparks.lookup(c.ID())
	if fresh {
		return old
	}
	curves, err := s.Engine.Curves(ctx, c.Service, c.Region)
	if err != nil {
		return old
	}
	of := map[string]spark{}
	for _, one := range curves {
		if one.Kind == record.OfTrigger && len(one.Samples) > 0 {
			of[one.Name] = spark{report.SparkOf(one), newestOf(one)}
		}
	}
	s.sparks.keep(c.ID(), of)
	return of
}

// newestOf is a curve's last level in words.
func newestOf(c record.Curve) string {
	last := c.Samples[len(c.Samples)-1]
	v := last.Candidate
	if !v.Known() {
		v = last.Total
	}
	if !v.Known() {
		return ""
	}
	return runbook.Quantity(float64(v), c.Unit)
}
