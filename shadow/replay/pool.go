package replay

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// A pool sends requests side by side and writes the pairs in the recording's order, so
// that the number of pairs in the output says where to go on.
type pool struct {
	replay  Replay
	targets [2]target
	before  recording.Resume
	out     io.Writer

	unanswered int // requests in a row without any answer of stable
}

// A job is one request under way.
type job struct {
	record shadow.Record
	done   chan shadow.Pair // holds one
}

func (b *pool) run(ctx context.Context) (shadow.Run, error) {
	var run shadow.Run
	bad := shadow.Bad{Show: b.replay.ShowBad}
	// The order is a queue of jobs; its length bounds what is held in memory.
	queue, work := make(chan *job, 4*b.replay.Parallel), make(chan *job)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(queue)
		defer close(work)
		return b.feed(ctx, b.replay.requests(&run, &bad), queue, work)
	})
	for range b.replay.Parallel {
		g.Go(func() error {
			for s := range work {
				s.done <- b.replay.exchange(ctx, b.targets, s.record)
			}
			return nil
		})
	}
	g.Go(func() error { return b.write(ctx, queue) })
	err := g.Wait()
	run.Bad, run.FirstBad = bad.Count, bad.First
	if err == nil && run.Sampled > 0 && run.Sampled == run.Refused {
		err = fmt.Errorf("%w (%s); allow what does no harm with --allow, e.g. --allow \"POST /predict\"", ErrNotAllowed, run.Notes[0])
	}
	if err == nil && run.Read > 0 && run.Sampled == 0 {
		run.Notes = append(run.Notes, "The sample holds no request of the recording.")
	}
	return run, err
}

// feed hands requests to the workers at the rate that is allowed, leaving out those that
// an earlier run has done.
func (b *pool) feed(ctx context.Context, requests iter.Seq2[shadow.Record, error], queue, work chan<- *job) error {
	pace, left := newPace(b.replay.Rate), b.before.Done
	for rec, err := range requests {
		if err != nil {
			return err
		}
		if left > 0 {
			b.replay.Progress.Skipped.Add(1)
			if left--; left == 0 && rec.ID != b.before.Last {
				return fmt.Errorf("%s has %q where the recording has %q: it was made from another recording; name a new file", b.replay.Output, shadow.Clip(b.before.Last, 60), shadow.Clip(rec.ID, 60))
			}
			continue
		}
		if err := pace.Wait(ctx); err != nil {
			return err
		}
		s := &job{rec, make(chan shadow.Pair, 1)}
		for _, to := range []chan<- *job{queue, work} {
			select {
			case to <- s:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	if left > 0 {
		return fmt.Errorf("%s holds more than the recording; name a new file", b.replay.Output)
	}
	return nil
}

func (b *pool) write(ctx context.Context, queue <-chan *job) error {
	for s := range queue {
		select {
		case p := <-s.done:
			if ctx.Err() != nil { // then its answers may be cut off
				return ctx.Err()
			}
			if err := b.writePair(p); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (b *pool) writePair(p shadow.Pair) error {
	if p.Stable.Status == 0 && p.Again.Status == 0 {
		b.unanswered++
	} else {
		b.unanswered = 0
	}
	if b.unanswered >= maxUnanswered {
		return fmt.Errorf("%w: %s, %d times in a row; is %s right?", errStable, p.Stable.Error, b.unanswered, b.replay.Stable)
	}
	b.replay.Progress.Sent.Add(1)
	if !p.Candidate.Good() {
		b.replay.Progress.Failed.Add(1)
	}
	return recording.WriteLine(b.out, p)
}

// newPace spreads requests evenly; 0 is as fast as they go. What was missed while all workers
// were busy is not made up for, save for waits that are shorter than a timer can keep.
func newPace(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/1000)))
}
