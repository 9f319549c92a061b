// Package secret keeps secrets from leaking: the type they are held in, what their files must be,
// and that none stands in an address. It never prints one, and never puts one into an error.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// A Value is text that must not leave the program by accident: fmt, JSON, slog and
// zap print "[secret]" instead of it. The zero Value is empty.
type Value struct {
	// A pointer: fmt does not call methods of unexported fields, and prints such a
	// field of a struct that holds one as it is. It then prints an address.
	text *string
}

// New wraps the text.
func New(text string) Value { return Value{&text} }

// Reveal returns the text. Every call of it is a place to look at.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// String implements [fmt.Stringer].
func (Value) String() string { return redacted }

// Format implements [fmt.Formatter], so that no verb, %#v and %x included, prints
// the text.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON, YAML and map keys.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer].
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }
