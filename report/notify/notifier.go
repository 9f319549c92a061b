// Package notify carries messages to people and to other programs: Alertmanagers, a signed webhook and
// the program's own log.
//
// It never words a message, which report does, never decides who is to know, and never takes an address
// to call from a message: only from configuration.
package notify

import (
	"context"
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// A Notifier adds the signed link to messages that ask something, and sends them.
type Notifier struct {
	Keys     report.Keyring
	External string // the daemon's own address; a link begins with it
	// Approval finds an approval by id.
	Approval func(ctx context.Context, id string) (record.Approval, error)
	Out      *Fanout
}

// Send sends the message to every sink that has not taken it yet and says in words
// who has it. An error means that at least one has not: offer the message again, and
// only that one is asked. Without keys, and once the question is answered, the
// message goes out without a link.
func (p Notifier) Send(ctx context.Context, m record.Message) (string, error) {
	link, err := p.link(ctx, m)
	if err != nil {
		return "", fmt.Errorf("send %s: %w", m.ID, err)
	}
	if err := p.Out.Send(ctx, m, link); err != nil {
		return "", fmt.Errorf("send %s: %w", m.ID, err)
	}
	told := strings.Join(p.Out.Names(), ", ")
	if link != "" {
		told += " (with a link)"
	}
	return told, nil
}

func (p Notifier) link(ctx context.Context, m record.Message) (string, error) {
	if m.Approval == "" || p.Keys.Empty() || p.Approval == nil {
		return "", nil
	}
	a, err := p.Approval(ctx, m.Approval)
	if err != nil || a.Status != record.Pending {
		return "", err
	}
	return report.Link(p.External, p.Keys.Sign(a)), nil
}
