// Package notify carries messages to people and to other programs: Alertmanagers, a signed webhook, Slack,
// Teams, mail and the program's own log.
//
// It never words a message, which report does, never decides who is to know, and never takes an address
// to call from a message: only from configuration.
package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

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
	Chosen bool // it gets what a service's runbook says, where that names sinks; else all
}

// Options are what messages are made ready with.
type Options struct {
	Keys     report.Keyring
	External string // the daemon's own address; a link begins with it
	// Approval finds an approval by id; nil: messages have no links.
	Approval func(ctx context.Context, id string) (record.Approval, error)
	// Named are the sinks that a service's runbook names; nil or none: all.
	Named func(service string) []string
}

// A Notifier adds the signed link to messages that ask something, and sends them.
type Notifier struct {
	Options
	sinks  []Sink
	counts *prometheus.CounterVec
}

// New makes a notifier. reg gets
// autorollback_messages_total{sink,outcome="sent"|"failed"|"refused"|"disabled"}.
func New(reg prometheus.Registerer, o Options, sinks ...Sink) *Notifier {
	n := &Notifier{Options: o, sinks: sinks, counts: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "autorollback_messages_total",
		Help: "Messages to the team by the place they were sent to and what became of the attempt.",
	}, []string{"sink", "outcome"})}
	for _, s := range sinks {
		for _, outcome := range []string{"sent", "failed", "refused", "disabled"} {
			n.counts.WithLabelValues(s.Name, outcome)
		}
	}
	return n
}

// Sinks are the names of all sinks, in their order.
func (n *Notifier) Sinks() (names []string) {
	for _, s := range n.sinks {
		names = append(names, s.Name)
	}
	return names
}

// For are the sinks that a message goes to: those that carry everything, and those that its service's
// runbook names.
func (n *Notifier) For(m record.Message) (names []string) {
	var named []string
	if n.Named != nil && m.Service != "" {
		named = n.Named(m.Service)
	}
	for _, s := range n.sinks {
		if !s.Chosen || len(named) == 0 || slices.Contains(named, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Send sends the message to one sink and says in words who has it. An error that is [Refused] is final; after
// another one, offer the message again. Without keys, and once the question is over, the
// message goes out without a link, and says what became of it.
func (n *Notifier) Send(ctx context.Context, sink string, m record.Message) (string, error) {
	i := slices.IndexFunc(n.sinks, func(s Sink) bool { return s.Name == sink })
	if i < 0 {
		return "", fmt.Errorf("send %s: there is no sink %q", m.ID, sink)
	}
	m, link, err := n.ready(ctx, m)
	if err != nil {
		return "", fmt.Errorf("send %s: %w", m.ID, err)
	}
	err = n.sinks[i].Sender.Send(ctx, m, link)
	n.counts.WithLabelValues(sink, outcome(err)).Inc()
	switch {
	case err != nil:
		return "", fmt.Errorf("send %s: %w", m.ID, err)
	case link != "":
		return sink + " (with a link)", nil
	}
	return sink, nil
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "sent"
	case errors.Is(err, ErrDisabled):
		return "disabled"
	case Refused(err):
		return "refused"
	}
	return "failed"
}

// ready adds the link to a question, or what became of it if that is over.
func (n *Notifier) ready(ctx context.Context, m record.Message) (record.Message, string, error) {
	if m.Approval == "" || n.Keys.Empty() || n.Approval == nil {
		return m, "", nil
	}
	a, err := n.Approval(ctx, m.Approval)
	switch {
	case err != nil:
		return m, "", err
	case a.Status != record.Pending:
		return report.Answered(m, a), "", nil
	}
	return m, report.Link(n.External, n.Keys.Sign(a)), nil
}
