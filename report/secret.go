package report

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// A Secret is text that must not leave the program by accident: fmt, JSON, slog and
// zap print "[secret]" instead of it. The zero Secret is empty.
type Secret struct {
	// A pointer: fmt does not call methods of unexported fields, and prints such a
	// field of a struct that holds one as it is. It then prints an address.
	text *string
}

// NewSecret wraps the text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Every call of it is a place to look at.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// Format implements [fmt.Formatter], so that no verb, %#v and %x included, prints
// the text.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON, YAML and map keys.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
