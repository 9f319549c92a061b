package monitor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
)

const (
	// longest is how far back a release is rebuilt; of an older one the beginning is not
	// known any more.
	longest = 30 * time.Hour
	// mostChunk is how much history one query asks for at most; firstChunk while it is not
	// known how many samples that would be, or Prometheus has to add them up.
	mostChunk, firstChunk = time.Hour, 5 * time.Minute
	// samplesAQuery bounds what an answer takes in memory: some 5 MiB while it is read.
	samplesAQuery = 60_000
	// LooksBack is how long before a release its stable pods are counted: an hour, and the
	// block of five minutes that its first moment needs.
	LooksBack = analysis.BeforeSpan + 5*time.Minute
)

// A watch is one release. Only its own goroutine touches what is not under the lock.
type watch struct {
	monitor *Monitor
	stop    context.CancelFunc
	every   time.Duration

	observer   *Observer                              // nil: not begun
	end        time.Time                              // of the newest interval that was counted
	asked      bool                                   // what was there before the watching is known
	weighed    time.Time                              // when the series were counted; zero: not yet
	aggregated bool                                   // there are too many series to read one by one
	series     int                                    // how many there are
	each       func(Step, map[string]analysis.Result) // called for each interval; nil: nobody listens

	mu      sync.Mutex
	now     Target
	newest  Snapshot
	history history
	counted lossHistory // what users lost; without losses: not begun
}

func newWatch(m *Monitor, t Target, stop context.CancelFunc) *watch {
	every := t.Runbook.Metrics.Step().Std()
	return &watch{monitor: m, stop: stop, every: every, now: t, newest: Snapshot{Target: t, Building: true}, history: newHistory(every)}
}

func (w *watch) target() Target {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) set(t Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = t
}

func (w *watch) snapshot() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.newest
	s.Target = w.now
	return s
}

// run counts every interval soon after its end, until ctx ends.
func (w *watch) run(ctx context.Context) {
	for {
		if err := w.catchUp(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.fail(err)
		}
		next := endBefore(time.Now().Add(-Lag(w.every)), w.every).Add(w.every + Lag(w.every))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
	}
}

// fail keeps what was known; it grows old by itself.
func (w *watch) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.newest.Problem == "" {
		w.monitor.log.Warn("watch release", zap.String("service", w.now.Release.Service), zap.String("release", w.now.Release.ID), zap.Error(err))
	}
	w.newest.Problem = err.Error()
}

// catchUp counts every interval that ended by a moment, oldest first, in chunks.
func (w *watch) catchUp(ctx context.Context, now time.Time) error {
	to := endBefore(now.Add(-Lag(w.every)), w.every)
	if err := w.begin(to); err != nil {
		return err
	}
	for w.end.Before(to) {
		until := earlier(endBefore(w.end.Add(w.chunk()), w.every), to)
		if err := w.count(ctx, until, to); err != nil {
			return fmt.Errorf("count until %s: %w", until.UTC().Format(time.RFC3339), err)
		}
	}
	return nil
}

// chunk is how much history one query asks for: an hour, less of a release with many
// series or before these are counted, and an interval at least.
func (w *watch) chunk() time.Duration {
	if w.aggregated || w.weighed.IsZero() {
		return max(firstChunk, w.every)
	}
	return max(min(mostChunk, samplesAQuery/max(time.Duration(w.series), 1)*w.every), w.every)
}

// begin prepares the first interval: an hour before the release got traffic.
func (w *watch) begin(now time.Time) error {
	if w.observer != nil {
		return nil
	}
	t := w.target()
	observer, err := NewObserver(t)
	if err != nil {
		return err
	}
	from := t.Release.Began().Add(-LooksBack)
	if oldest := now.Add(-longest); from.Before(oldest) {
		from = oldest
	}
	losses, err := analysis.NewLosses(t.Runbook, int(analysis.LossesReach/w.every))
	if err != nil {
		return err
	}
	w.observer, w.end = observer, endBefore(from, w.every)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted = lossHistory{losses: losses, every: w.every}
	return nil
}

// publish makes the results those of now, once no older interval is to come.
func (w *watch) publish(results map[string]analysis.Result, more bool) {
	var smallest map[string]float64
	var onsets map[string]record.Onset
	if results != nil && !more {
		smallest = w.observer.Smallest()
		onsets = w.onsets(results)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range results {
		if r.Significance >= 1 && !more {
			select {
			case w.monitor.proved <- struct{}{}:
			default:
			}
			break
		}
	}
	w.newest = Snapshot{Target: w.now, At: w.end, Results: results, Smallest: smallest, Onsets: onsets, Judged: results != nil, Building: more}
}

// onsets are since when there is harm.
func (w *watch) onsets(results map[string]analysis.Result) map[string]record.Onset {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.observer.onsets(results, w.counted.losses, w.now, w.end)
}

// endBefore is the newest end of an interval at or before a moment: a multiple of the
// interval in Unix time. It has no monotonic reading, by which equal ends would differ.
func endBefore(at time.Time, every time.Duration) time.Time {
	return at.Add(-time.Duration(at.UnixNano() % int64(every))).Round(0)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

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
