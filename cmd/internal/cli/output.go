package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"
	"go.yaml.in/yaml/v3"
)

// An Output is the flag -o of a command: who reads what it prints.
type Output struct{ format string }

// OutputFlag declares -o.
func OutputFlag(cmd *kingpin.CmdClause) *Output {
	var o Output
	cmd.Flag("output", "text, for people; json or yaml, for programs.").Short('o').Default("text").EnumVar(&o.format, "text", "json", "yaml")
	return &o
}

// Text reports whether people read it.
func (o *Output) Text() bool { return o.format == "text" }

// Print writes v for programs, or has text print it for people. JSON and YAML have the same names in the same
// order.
func (o *Output) Print(w io.Writer, v any, text func() error) error {
	switch o.format {
	case "json":
		return PrintJSON(w, v)
	case "yaml":
		return printYAML(w, v)
	}
	return text()
}

// Line is Print where people read one line.
func (o *Output) Line(w io.Writer, v any, format string, args ...any) error {
	return o.Print(w, v, func() error {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		return err
	})
}

// PrintJSON writes v, indented.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printYAML goes by JSON, which is YAML, so that names, order and numbers are the same.
func printYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := PrintJSON(&text, v); err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(escaped(text.Bytes()), &node); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	block(&node)
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	return Join(e.Encode(&node), e.Close())
}

// escaped writes what YAML, unlike JSON, wants escaped in a text.
func escaped(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r < 0x7f || unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r <= 0xffff:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = fmt.Appendf(out, `\U%08x`, r)
		}
	}
	return out
}

// formerly is what older YAML reads as true, false or a number in base 60.
var formerly = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)$`)

// block takes away JSON's brackets and quotes; where YAML needs quotes, they come back.
func block(n *yaml.Node) {
	if n.Style = 0; n.Tag == "!!str" && formerly.MatchString(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range n.Content {
		block(child)
	}
}

// Join returns the first error.
func Join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
