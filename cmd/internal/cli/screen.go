package cli

import (
	"bytes"
	"io"
	"os"
	"slices"
)

// A screen is standard output or standard error. What others wrote, in an alert or as a reason, is printed
// there: what would move the cursor or ring the bell is shown as �, and colours are ours alone.
type screen struct {
	to       io.Writer
	painting *painting
	half     bool // the last byte was the first half of what may be a C1 control character
}

// Write implements [io.Writer].
func (s *screen) Write(p []byte) (int, error) {
	if _, err := s.to.Write(s.clean(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// redraw puts a picture in the place of the one before.
func (s *screen) redraw(picture []byte) error {
	lines := bytes.ReplaceAll(s.clean(picture), []byte("\n"), []byte(toLineEnd+"\n"))
	_, err := s.to.Write(slices.Concat([]byte(home), lines, []byte(toEnd)))
	return err
}

func (s *screen) clean(p []byte) []byte {
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		b := p[i]
		switch {
		case s.half:
			s.half = false
			if b >= 0x80 && b <= 0x9f {
				out = append(out, replaced...)
				continue
			}
			out = append(out, 0xc2, b)
		case b == 0xc2:
			s.half = true
		case b == escape && s.ours(p[i:]) > 0:
			n := s.ours(p[i:])
			out = append(out, p[i:i+n]...)
			i += n - 1
		case b < ' ' && b != '\n' && b != '\t' || b == 0x7f:
			out = append(out, replaced...)
		default:
			out = append(out, b)
		}
	}
	return out
}

const (
	escape   = 0x1b
	replaced = "\uFFFD"

	home      = "\x1b[H" // the cursor goes to the first line
	toLineEnd = "\x1b[K" // what is left of the line goes away
	toEnd     = "\x1b[J" // and what is left of the screen
)

// ours is how long the colour is that a text begins with, if it is one of ours.
func (s *screen) ours(p []byte) int {
	if !s.painting.on {
		return 0
	}
	for _, code := range colours {
		if bytes.HasPrefix(p, []byte(code)) {
			return len(code)
		}
	}
	return 0
}

// Terminal reports whether a person looks at what is written there.
func Terminal(w io.Writer) bool {
	if s, ok := w.(*screen); ok {
		return Terminal(s.to)
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
