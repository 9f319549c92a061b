package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
)

// remembered is how many messages the fan-out keeps in mind.
const remembered = 4096

// A Sender carries one message to one place. It may be asked to send a message
// again, and must carry the same id.
type Sender interface {
	Send(ctx context.Context, m record.Message, link string) error
}

// A Sink is a sender with the name it has in metrics: fixed by configuration, e.g.
// "alertmanager".
type Sink struct {
	Name   string
	Sender Sender
}

// Fanout sends each message to every sink. It remembers which sinks have taken it,
// so that sending it again reaches only the others. The memory is this process' own:
// after a restart, or at another replica, a message may be sent twice (at least
// once, never less); its id tells doubles apart.
type Fanout struct {
	sinks  []Sink
	log    *zap.Logger
	counts *prometheus.CounterVec

	mu    sync.Mutex
	taken map[delivery]bool
	order []delivery
}

type delivery struct {
	sink    string
	message [sha256.Size]byte
}

// NewFanout returns a fan-out over the sinks. reg gets
// autorollback_messages_total{sink,outcome="sent"|"failed"|"disabled"}.
func NewFanout(reg prometheus.Registerer, log *zap.Logger, sinks ...Sink) *Fanout {
	f := &Fanout{sinks: sinks, log: log, taken: map[delivery]bool{}, counts: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "autorollback_messages_total",
		Help: "Messages to the team by the place they were sent to and what became of the attempt.",
	}, []string{"sink", "outcome"})}
	for _, s := range sinks {
		for _, outcome := range []string{"sent", "failed", "disabled"} {
			f.counts.WithLabelValues(s.Name, outcome)
		}
	}
	return f
}

// Send sends the message to every sink that has not taken it yet, all at the
// same time, and returns the errors of those that failed now, each with the sink's name.
// A sink that is disabled for good ([ErrDisabled]) is counted and is no error: trying
// it again would help nobody.
func (f *Fanout) Send(ctx context.Context, m record.Message, link string) error {
	digest, err := messageDigest(m)
	if err != nil {
		return fmt.Errorf("send message %s: %w", m.ID, err)
	}
	failed := make([]error, len(f.sinks))
	var all sync.WaitGroup
	for i, s := range f.sinks {
		// At the same time, so that a slow webhook does not hold up the page.
		all.Go(func() { failed[i] = f.sendTo(ctx, s, delivery{s.Name, digest}, m, link) })
	}
	all.Wait()
	return errors.Join(failed...)
}

func (f *Fanout) sendTo(ctx context.Context, s Sink, d delivery, m record.Message, link string) error {
	if f.has(d) {
		return nil
	}
	err := s.Sender.Send(ctx, m, link)
	switch {
	case err == nil:
		f.counts.WithLabelValues(s.Name, "sent").Inc()
	case errors.Is(err, ErrDisabled):
		f.counts.WithLabelValues(s.Name, "disabled").Inc()
		f.log.Warn("message not sent: its sink is disabled", zap.String("sink", s.Name), zap.String("message", m.ID))
	default:
		f.counts.WithLabelValues(s.Name, "failed").Inc()
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	f.remember(d)
	return nil
}

// Names returns the sinks' names, in their order.
func (f *Fanout) Names() []string {
	var out []string
	for _, s := range f.sinks {
		out = append(out, s.Name)
	}
	return out
}

func (f *Fanout) has(d delivery) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken[d]
}

func (f *Fanout) remember(d delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken[d] {
		return
	}
	f.taken[d] = true
	if f.order = append(f.order, d); len(f.order) > remembered {
		delete(f.taken, f.order[0])
		f.order = f.order[1:]
	}
}

// messageDigest leaves out what the outbox writes between attempts.
func messageDigest(m record.Message) ([sha256.Size]byte, error) {
	m.ClaimedBy, m.ClaimedUntil, m.Attempts, m.Problem = "", time.Time{}, 0, ""
	text, err := json.Marshal(m)
	return sha256.Sum256(text), err
}
