package cli

import (
	"bytes"
	"strings"
	"testing"
)

// What others wrote moves no cursor, rings no bell and changes no colour; what we paint stays.
func TestNothingFromOutsideControlsTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\n":                   "a\tb\n",
		"\x1b[2J\x1b]0;title\a":    "�[2J�]0;title�",
		"one\rtwo\b":               "one�two�",
		"\u009b31m and é 🙂":        "�31m and é 🙂",
		green + "ok" + plain:       green + "ok" + plain,
		"\x1b[8mhidden\x1b[0m":     "�[8mhidden" + plain,
		"\x7f" + red:               "�" + red,
		strings.Repeat("Ω", 3_000): strings.Repeat("Ω", 3_000),
	} {
		for _, chunk := range []int{1, 2, 3, len(text)} {
			if chunk < len(text) && strings.Contains(text, "\x1b") {
				continue // a colour comes in one piece
			}
			var out bytes.Buffer
			s := &screen{to: &out, painting: &painting{on: true}}
			for at := 0; at < len(text); at += chunk {
				if n, err := s.Write([]byte(text[at:min(at+chunk, len(text))])); err != nil || n == 0 {
					t.Fatal(n, err)
				}
			}
			if out.String() != want {
				t.Errorf("%q in pieces of %d: %q, want %q", text, chunk, out.String(), want)
			}
		}
	}
	var out bytes.Buffer
	if _, err := (&screen{to: &out, painting: new(painting)}).Write([]byte(red + "x")); err != nil || out.String() != "�[31mx" {
		t.Errorf("without colours: %v, %q", err, out.String())
	}
}

// A colour is there where it is wanted, and nowhere else.
func TestColoursAreDecided(t *testing.T) {
	for _, c := range []struct {
		when, noColor, term  string
		terminal, never, out bool
	}{
		{"auto", "", "xterm", true, false, true}, {"auto", "", "xterm", false, false, false}, {"auto", "1", "xterm", true, false, false},
		{"auto", "", "dumb", true, false, false}, {"always", "1", "dumb", false, false, true}, {"never", "", "xterm", true, false, false},
		{"auto", "", "xterm", true, true, false}, {"always", "", "xterm", true, true, false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		p := &painting{when: c.when, never: c.never}
		p.decide(c.terminal)
		console := Console{painting: p}
		if p.on != c.out || (console.State("recovered") != "recovered") != c.out || console.State("some other word") != "some other word" {
			t.Errorf("%+v: %v", c, p.on)
		}
	}
}

// Columns stand one below the other, whatever is in them and whether it is painted.
func TestTable(t *testing.T) {
	rows := [][]string{{"ranker", "ok", "two\nlines"}, {"größe", "cold", ""}}
	var bare, painted bytes.Buffer
	if err := (Console{Out: &bare}).Table("SERVICE STATE NOTE", rows); err != nil {
		t.Fatal(err)
	}
	if err := (Console{Out: &painted, painting: &painting{on: true}}).Table("SERVICE STATE NOTE", rows); err != nil {
		t.Fatal(err)
	}
	const want = "SERVICE  STATE  NOTE\nranker   ok     two lines\ngröße    cold\n"
	if bare.String() != want || rows[0][2] != "two\nlines" {
		t.Errorf("%s", bare.String())
	}
	if strings.NewReplacer(green, "", red, "", plain, "").Replace(painted.String()) != want || !strings.Contains(painted.String(), green+"ok"+plain) {
		t.Errorf("%q", painted.String())
	}
}
