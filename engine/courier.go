package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report/notify"
)

const (
	// claimFor is how long a replica keeps a message to itself. A replica that dies with
	// it delays the message by this much.
	claimFor = 20 * time.Second

	// Between two attempts at a sink that takes nothing, or at one message: soon after it is back in the
	// first hour, and then not as often.
	longestPause = time.Minute
	laterPause   = 5 * time.Minute

	mostAwait   = 10 * time.Minute
	giveUpAfter = 24 * time.Hour

	// mostFailed ends a pass: the sink is down, and the others of the outbox need not find that out.
	mostFailed = 3
	// mostHeld is how many attempts of a message those after it wait for. One that is never taken holds
	// up no page.
	mostHeld = 5
)

// A courier carries messages to one sink, those of one incident in their order. A sink that is down
// delays nobody but itself. What it took is written into the message, so that it takes it once, across
// restarts and replicas; a crash between the two sends it twice, never not at all.
type courier struct {
	*Engine
	sink    string
	changed chan struct{} // the outbox has something new

	over   map[string]record.Delivery // what the store does not know yet
	failed int                        // passes in a row in which nothing was taken
	until  time.Time                  // the next pass
	took   time.Time                  // when it last took a message
}

func couriersOf(e *Engine, p Post) (all []*courier) {
	for _, sink := range p.Sinks() {
		all = append(all, &courier{Engine: e, sink: sink, changed: make(chan struct{}, 1), over: map[string]record.Delivery{}})
	}
	return all
}

// deliverSoon has every sink look at the outbox.
func (e *Engine) deliverSoon() {
	for _, c := range e.couriers {
		signal(c.changed, struct{}{})
	}
}

// deliver offers every message of the outbox to the sink.
func (c *courier) deliver(ctx context.Context) {
	if time.Now().Before(c.until) {
		return
	}
	waiting, err := c.outbox(ctx)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("read outbox", zap.Error(err))
		}
		return
	}
	maps.DeleteFunc(c.over, func(id string, _ record.Delivery) bool {
		return !slices.ContainsFunc(waiting, func(m record.Message) bool { return m.ID == id })
	})
	c.pause(c.pass(ctx, waiting))
}

// A pass is what came of offering the whole outbox.
type pass struct {
	took, failed int
	last         bool          // the last one was taken
	await        time.Duration // as the sink asked for
}

func (p *pass) offered(took bool, err error) {
	if p.last = took; took {
		p.took++
	}
	if err != nil {
		p.failed++
		p.await = notify.Await(err)
	}
}

func (c *courier) pass(ctx context.Context, waiting []record.Message) (p pass) {
	held := map[string]bool{} // threads whose earlier message is on its way
	for _, m := range waiting {
		if ctx.Err() != nil || p.failed == mostFailed || p.await > 0 {
			break
		}
		d := m.Deliveries[c.sink]
		switch now := time.Now(); {
		case d.Over():
			c.leave(ctx, m)
		case held[thread(m)]:
		case c.overtaken(ctx, m):
			c.drop(ctx, m)
		case c.elsewhere(d, now), c.pauses(d, now):
			held[thread(m)] = d.Attempts < mostHeld
		default:
			p.offered(c.offer(ctx, m))
			held[thread(m)] = !p.last && d.Attempts+1 < mostHeld
		}
	}
	return p
}

// thread is what messages are kept in order for.
func thread(m record.Message) string {
	if m.Incident != "" {
		return m.Incident
	}
	return m.Service + "/" + m.Region
}

// pauses reports whether it is too soon to try one message again. That is for one which the sink does not
// take while it takes others: a sink that takes nothing pauses as a whole, and begins with the oldest.
func (c *courier) pauses(d record.Delivery, now time.Time) bool {
	tried := d.ClaimedUntil.Add(-claimFor)
	return d.Attempts > 0 && c.took.After(tried) && now.Before(tried.Add(backoff(d.Attempts)))
}

// pause is longer each time that the sink took nothing, so that a dead one is not called every few seconds.
func (c *courier) pause(p pass) {
	switch {
	case p.failed == 0 || p.took > 0:
		c.failed = 0
	default:
		c.failed++
	}
	if p.failed > 0 {
		c.until = time.Now().Add(max(backoff(c.failed), min(p.await, mostAwait)))
	}
}

func backoff(times int) time.Duration {
	if times > int(time.Hour/longestPause) {
		return laterPause
	}
	return min(time.Second<<min(times, 10), longestPause)
}

// leave takes a message out of the outbox that is over everywhere: the sink that it waited for is gone.
func (c *courier) leave(ctx context.Context, m record.Message) {
	if !c.everywhere(m) {
		return
	}
	if err := c.finish(ctx, m); err != nil && ctx.Err() == nil {
		c.log.Warn("take message out of the outbox", zap.String("message", m.ID), zap.Error(err))
	}
}

// drop takes a message out of the outbox that nobody needs.
func (c *courier) drop(ctx context.Context, m record.Message) {
	ev := lifecycle.MessageSent{Message: m.ID, Kind: m.Kind, Incident: m.Incident, NotSent: true,
		Text: "Not sent, because it was rolled back before anybody was asked: " + m.Title}
	if err := c.take(ctx, Target{m.Service, m.Region}, ev); err != nil && ctx.Err() == nil {
		c.log.Warn("take message out of the outbox", zap.String("message", m.ID), zap.Error(err))
	}
}

// offer sends one message, unless it was sent before and only the store does not know. It reports whether
// the sink has it now, or never gets it.
func (c *courier) offer(ctx context.Context, m record.Message) (bool, error) {
	over, known := c.over[m.ID]
	if !known {
		claimed, ok, err := c.claim(ctx, m.ID, c.sink)
		if err != nil || !ok {
			return false, err
		}
		name := lifecycle.MessageBoundary("send", m.Incident, m.Kind)
		c.boundary("before-" + name)
		if over, err = c.send(ctx, claimed); err != nil {
			c.log.Warn("send message", zap.String("sink", c.sink), zap.String("message", m.ID), zap.Error(err))
			return false, err
		}
		c.over[m.ID], c.took = over, time.Now()
		c.boundary("after-" + name)
	}
	err := c.delivered(ctx, m.ID, c.sink, over)
	if err == nil {
		delete(c.over, m.ID)
	} else if ctx.Err() == nil {
		c.log.Warn("keep what became of a message", zap.String("sink", c.sink), zap.String("message", m.ID), zap.Error(err))
	}
	return true, nil
}

// send returns what became of a message, or an error if it is to be offered again.
func (c *courier) send(ctx context.Context, m record.Message) (record.Delivery, error) {
	within, cancel := context.WithTimeout(ctx, claimFor)
	defer cancel()
	over := m.Deliveries[c.sink]
	who, err := c.post.Send(within, c.sink, c.cautioned(m))
	switch {
	case err == nil:
		over.TakenAt, over.Who = time.Now().UTC(), who
	case notify.Refused(err), ctx.Err() == nil && time.Since(m.CreatedAt) > giveUpAfter:
		over.GaveUp = record.Truncate(err.Error(), record.MaxLine/2)
		c.metrics.problems.WithLabelValues("message").Inc()
		c.log.Error("give up message", zap.String("sink", c.sink), zap.String("message", m.ID), zap.Error(err))
	default:
		return over, err
	}
	return over, nil
}
