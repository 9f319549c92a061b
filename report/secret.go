package report

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// A Secret is text that must not leave the program by accident: fmt, JSON, slog and
// zap print "[secret]" instead of it.
type Secret struct{ text string }

// NewSecret wraps the text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text. Every call of it is a place to look at.
func (s Secret) Reveal() string { return s.text }

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// Format implements [fmt.Formatter], so that no verb, %#v and %x included, prints
// the text.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON, YAML and map keys.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
