package notify

import (
	"context"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
)

// Log writes messages to the program's own log. It is always on: the log is the
// last place where a message can be found. It never writes the approval link.
type Log struct{ Logger *zap.Logger }

// Send writes one line, as a warning if a human must look, and always succeeds.
func (l Log) Send(_ context.Context, m record.Message, link string) error {
	write := l.Logger.Info
	if m.Page {
		write = l.Logger.Warn
	}
	write(m.Title,
		zap.String("message", m.ID), zap.String("service", m.Service), zap.String("region", m.Region),
		zap.String("incident", m.Incident), zap.String("kind", m.Kind), zap.Bool("page", m.Page),
		zap.String("text", m.Text), zap.Bool("has_link", link != ""), zap.String("approval", m.Approval), zap.Stringer("journal", m.Anchor))
	return nil
}
